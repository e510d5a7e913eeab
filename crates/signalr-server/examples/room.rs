//! A chat room at `ws://127.0.0.1:5000/room`, or at the address that is given: whoever joins one hears what is said in it.

use std::sync::Arc;

use signalr_server::{Authenticated, BindError, Connection, ConnectionTokens, Fault, Flow, Groups, Hub};
use signalr_server::{Invocation, Limits, Request, Server};

#[derive(Default)]
struct Room(Groups<Connection>);

impl Hub for Room {
    type Caller = Connection;
    type Principal = ();
    type Rejection = Fault;

    async fn authenticate(self: &Arc<Self>, _request: &Request<'_>) -> Result<Authenticated<()>, Fault> {
        Ok(Authenticated::anonymous(()))
    }

    fn connect(self: &Arc<Self>, (): (), connection: Connection) -> Result<Connection, Fault> {
        Ok(connection)
    }

    fn has_method(&self, target: &str) -> bool {
        target.eq_ignore_ascii_case("Join") || target.eq_ignore_ascii_case("Say")
    }

    fn invoke(self: &Arc<Self>, caller: &Arc<Connection>, invocation: &Invocation<'_>) -> Result<Flow, BindError> {
        let (id, arguments) = (invocation.invocation_id.as_deref(), &invocation.arguments);
        let room: String = arguments.bind(0, "room", "a string")?;
        if invocation.target.eq_ignore_ascii_case("Join") {
            caller.answer(id, &self.0.join(&room, caller));
        } else {
            self.0.send(&room, "Said", &arguments.bind::<String>(1, "text", "a string")?);
            caller.answer(id, &());
        }
        Ok(Flow::Next)
    }

    fn disconnected(self: &Arc<Self>, caller: &Arc<Connection>) {
        self.0.leave_all(caller);
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5000".to_owned());
    let server = Server::new(Arc::new(Room::default()), Limits::default(), ConnectionTokens::of_this_process());
    axum::serve(tokio::net::TcpListener::bind(address).await?, server.router("/room")).await
}
