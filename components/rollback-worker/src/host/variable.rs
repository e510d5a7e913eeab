//! What the worker was told.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package hubline:rollback-worker;
            world variable {
                import fermyon:spin/variables@2.0.0;
            }
        ",
        world: "hubline:rollback-worker/variable",
        generate_all,
        runtime_path: "spin_sdk::wit_bindgen::rt",
    });
}

use bindings::fermyon::spin::variables;

/// The value of a variable; empty when there is none.
pub(super) fn variable(name: &str) -> String {
    variables::get(name).unwrap_or_default()
}
