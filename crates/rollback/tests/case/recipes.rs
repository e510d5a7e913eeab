//! What is asked for in the tests, and what it comes to.

use chrono::{DateTime, TimeDelta, Utc};
use rollback::{
    ApplicationRequest, DatabaseRequest, Digest, InfrastructureRequest, Kind, Request,
    recipe::{ApplicationRecipe, DatabaseRecipe, Image, InfrastructureRecipe, Pipeline, Recipe, Redeployment},
};

/// The policy of the validation that follows.
pub fn policy() -> Digest {
    rollback::validation::Policy::default().digest().unwrap()
}

/// What is asked for, for each kind.
pub fn request(kind: Kind) -> Request {
    match kind {
        Kind::Application => {
            Request::Application(ApplicationRequest { application: "orders".parse().unwrap(), tag: None })
        }
        Kind::Database => Request::Database(DatabaseRequest {
            server: "orders-db".parse().unwrap(),
            point_in_time: None,
            waive_freeze: None,
            accept_loss: None,
            applications: vec!["orders".parse().unwrap(), "chat".parse().unwrap()].try_into().unwrap(),
        }),
        Kind::Infrastructure => Request::Infrastructure(InfrastructureRequest {
            commit: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(),
            exceptions: ["terraform_data.a".parse().unwrap()].into(),
        }),
    }
}

/// What that comes to.
pub fn recipe(kind: Kind, incident_at: DateTime<Utc>) -> Recipe {
    match kind {
        Kind::Application => Recipe::Application(application()),
        Kind::Database => Recipe::Database(database(incident_at)),
        Kind::Infrastructure => Recipe::Infrastructure(Box::new(infrastructure("plan"))),
    }
}

fn pipeline(workflow: &str) -> Pipeline {
    Pipeline {
        repository: "team/deploy".parse().unwrap(),
        workflow: workflow.parse().unwrap(),
        git_ref: "main".parse().unwrap(),
    }
}

fn image(application: &str, tag: &str) -> Image {
    Image {
        repository: format!("team/{application}").parse().unwrap(),
        tag: tag.parse().unwrap(),
        digest: Digest::of(format!("{application}:{tag}").as_bytes()),
    }
}

/// Bring `orders` back to `v1.4.2-stable`.
pub fn application() -> ApplicationRecipe {
    ApplicationRecipe {
        application: "orders".parse().unwrap(),
        image: image("orders", "v1.4.2-stable"),
        running: Digest::of(b"orders:v1.5.0"),
        schema_unstated: false,
        pipeline: pipeline("deploy.yml"),
    }
}

/// Bring `orders-db` back to one minute before the incident.
pub fn database(incident_at: DateTime<Utc>) -> DatabaseRecipe {
    let redeployment = |application: &str| Redeployment {
        application: application.parse().unwrap(),
        image: image(application, "v1.5.0"),
        pipeline: pipeline("deploy.yml"),
    };
    DatabaseRecipe {
        source: "orders-db".parse().unwrap(),
        restored: "orders-db-r2405010959-000002".parse().unwrap(),
        incident_at,
        point_in_time: incident_at - TimeDelta::minutes(1),
        waive_freeze: None,
        accept_loss: None,
        secret: "DB_CONNECTION".parse().unwrap(),
        redeployments: vec![redeployment("orders"), redeployment("chat")],
    }
}

/// Apply the plan of this name, which destroys `terraform_data.a`.
pub fn infrastructure(plan: &str) -> InfrastructureRecipe {
    InfrastructureRecipe {
        pipeline: pipeline("terraform-plan.yml"),
        commit: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(),
        terraform: "1.15.5".parse().unwrap(),
        lock: Digest::of(b"lock"),
        variables: Digest::of(b"variables"),
        planned_by: "77".parse().unwrap(),
        planned_in_attempt: 1,
        artifact: "88".parse().unwrap(),
        plan: Digest::of(plan.as_bytes()),
        changes: Digest::of(b"changes"),
        policy: Digest::of(b"policy"),
        exceptions: ["terraform_data.a".parse().unwrap()].into(),
        losses: ["terraform_data.a".parse().unwrap()].into(),
    }
}
