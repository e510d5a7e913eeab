//! The measurements, in turn: in each round every contestant has its go, and the order moves on by one.

use std::path::Path;

use anyhow::{Context, Result};

use crate::accounting::{Group, Sample, resident};
use crate::contestant::Contestant;
use crate::databases::Databases;
use crate::first::{self, Asked, First};
use crate::http;
use crate::load::{Case, Load};
use crate::metrics::Metrics;
use crate::node::Node;
use crate::results::{Memory, Run};

/// Names of the nodes of a contestant.
const NODES: [&str; 2] = ["a", "b"];

/// What all measurements have in common.
pub struct Arena<'a> {
    /// The databases.
    pub databases: &'a Databases,
    /// What Hubline runs.
    pub manifest: &'a Path,
    /// Where the servers' logs go.
    pub logs: &'a Path,
    /// The generator.
    pub load: &'a Load,
}

/// A contestant that runs.
pub struct Entrant<'a> {
    contestant: &'a Contestant,
    nodes: Vec<Node>,
}

impl Arena<'_> {
    /// Starts so many nodes of each contestant.
    ///
    /// # Errors
    /// One doesn't start.
    pub fn enter<'a>(&self, contestants: &'a [Contestant], nodes: usize) -> Result<Vec<Entrant<'a>>> {
        let start = |contestant: &'a Contestant| {
            let names = NODES.iter().take(nodes);
            let nodes = names.map(|name| Node::start(contestant, name, self.manifest, self.databases, self.logs));
            Ok(Entrant { contestant, nodes: nodes.collect::<Result<_>>()? })
        };
        contestants.iter().map(start).collect()
    }

    /// Lets every contestant work for a while before anything counts: compilers that watch a program run need that, and
    /// caches of the databases too.
    ///
    /// # Errors
    /// A contestant can't be measured at all.
    pub fn prime(&self, entrants: &[Entrant<'_>], case: Case) -> Result<()> {
        for entrant in entrants {
            eprintln!("warming up · {}", self.measure(entrant, case)?);
        }
        Ok(())
    }

    /// Measures one case for every contestant, as often as there are rounds.
    ///
    /// # Errors
    /// A contestant can't be measured at all.
    pub fn rounds(&self, entrants: &[Entrant<'_>], case: Case, rounds: usize) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        for round in 0..rounds {
            for entrant in entrants.iter().cycle().skip(round % entrants.len().max(1)).take(entrants.len()) {
                let run = self.measure(entrant, case)?;
                eprintln!("round {} of {rounds} · {run}", round + 1);
                runs.push(run);
            }
        }
        Ok(runs)
    }

    /// Measures one case for one contestant.
    ///
    /// # Errors
    /// It can't be measured at all.
    pub fn measure(&self, entrant: &Entrant<'_>, case: Case) -> Result<Run> {
        let name = entrant.contestant.name();
        let urls: Vec<_> = entrant.nodes.iter().map(Node::url).collect();
        let server = Group { name: "server", roots: entrant.nodes.iter().map(Node::process).collect() };
        let databases = self.databases.groups()?;
        let outcome = self.load.run(case, &urls, |generator| {
            let groups =
                [databases.as_slice(), &[server.clone(), Group { name: "load", roots: vec![generator] }]].concat();
            Ok((Sample::take(&groups)?, entrant.metrics()))
        });
        let outcome = outcome.with_context(|| format!("{name}, {case}"))?;
        let ((before, metrics_before), (after, metrics_after)) = (outcome.before, outcome.after);
        let complaint = outcome.complaint.or_else(|| entrant.contestant.complaint(&outcome.report));
        Ok(Run {
            contestant: name,
            nodes: entrant.nodes.len(),
            case,
            processor: after.since(&before),
            hops: metrics_after.since(&metrics_before, self.load.seconds),
            report: outcome.report,
            complaint,
        })
    }

    /// Measures the first request to each component of a node that has just started, as often as there are rounds.
    ///
    /// # Errors
    /// The node doesn't start, or a component doesn't answer as it should.
    pub fn first_requests(&self, contestant: &Contestant, rounds: usize) -> Result<Vec<First>> {
        let mut starts = Vec::new();
        // The first start may have to compile the components: that one does not count.
        for start in 0..=rounds {
            let entrants = self.enter(std::slice::from_ref(contestant), 1)?;
            let node = entrants.first().and_then(|entrant| entrant.nodes.first()).context("no node was started")?;
            let asked = first::ask(node.address)?;
            if start > 0 {
                eprintln!("start {start} of {rounds} · {}", list(&asked));
                starts.push(asked);
            }
        }
        Ok(First::sum_up(&starts))
    }

    /// Measures what an idle connection costs a fresh node of each contestant in memory.
    ///
    /// # Errors
    /// A contestant can't be measured at all.
    pub fn memory(&self, contestants: &[Contestant], connections: usize) -> Result<Vec<Memory>> {
        let measure = |contestant: &Contestant| {
            let entrants = self.enter(std::slice::from_ref(contestant), 1)?;
            let node = entrants.first().and_then(|entrant| entrant.nodes.first()).context("no node was started")?;
            // What a server keeps for good once it has done some work is not the connections'.
            self.load.run(Case::Closed { conversations: 50 }, &[node.url()], |_| Ok(()))?;
            let before = resident(node.process())?;
            let case = Case::Idle { conversations: connections / 2 };
            let outcome = self.load.run(case, &[node.url()], |_| resident(node.process()))?;
            let bytes = (outcome.after as f64 - before as f64) / (connections / 2 * 2) as f64;
            let memory =
                Memory { contestant: contestant.name(), connections, bytes, before, complaint: outcome.complaint };
            eprintln!("{memory}");
            Ok(memory)
        };
        contestants.iter().map(measure).collect()
    }
}

/// First requests as a line for people.
fn list(asked: &[Asked]) -> String {
    let parts: Vec<_> = asked.iter().map(|it| format!("{} {:.2} ms", it.component, it.milliseconds)).collect();
    format!("first requests: {}", parts.join(", "))
}

impl Entrant<'_> {
    /// What the nodes say about themselves, all together; nothing if they have no such page.
    fn metrics(&self) -> Metrics {
        let mut all = Metrics::default();
        for page in self.nodes.iter().filter_map(|node| http::get(node.address, "/metrics").ok()) {
            all.add(&Metrics::parse(&page));
        }
        all
    }
}
