//! What is asked for in the model, and what it comes to. Few plans, so that the same one comes back.

use chrono::{DateTime, TimeDelta, Utc};
use rollback::{
    ApplicationRequest, DatabaseRequest, Digest, InfrastructureRequest, Kind, Reason, Request,
    recipe::{ApplicationRecipe, DatabaseRecipe, Image, InfrastructureRecipe, Pipeline, Recipe, Redeployment},
};

use crate::chance::Chance;

pub fn why() -> Reason {
    "because".parse().unwrap()
}

pub fn request(kind: Kind, chance: &mut Chance) -> Request {
    match kind {
        Kind::Application => {
            Request::Application(ApplicationRequest { application: "orders".parse().unwrap(), tag: None })
        }
        Kind::Database => Request::Database(DatabaseRequest {
            server: "orders-db".parse().unwrap(),
            point_in_time: None,
            waive_freeze: chance.one_in(3).then(why),
            accept_loss: chance.one_in(3).then(why),
            applications: vec!["orders".parse().unwrap()].try_into().unwrap(),
        }),
        Kind::Infrastructure => Request::Infrastructure(InfrastructureRequest {
            commit: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(),
            exceptions: ["terraform_data.a".parse().unwrap()].into(),
        }),
    }
}

pub fn recipe(request: &Request, now: DateTime<Utc>, chance: &mut Chance) -> Recipe {
    let pipeline = || Pipeline {
        repository: "team/deploy".parse().unwrap(),
        workflow: "deploy.yml".parse().unwrap(),
        git_ref: "main".parse().unwrap(),
    };
    let image = || Image {
        repository: "team/orders".parse().unwrap(),
        tag: "v1.0.0-stable".parse().unwrap(),
        digest: Digest::of(b"image"),
    };
    match request {
        Request::Application(request) => Recipe::Application(ApplicationRecipe {
            application: request.application.clone(),
            image: image(),
            running: Digest::of(b"bad"),
            schema_unstated: chance.one_in(3),
            pipeline: pipeline(),
        }),
        Request::Database(request) => Recipe::Database(DatabaseRecipe {
            source: request.server.clone(),
            restored: "orders-db-r".to_owned().parse::<rollback::ServerName>().unwrap(),
            incident_at: now,
            point_in_time: now - TimeDelta::minutes(1),
            waive_freeze: request.waive_freeze.clone(),
            accept_loss: request.accept_loss.clone(),
            secret: "DB_CONNECTION".parse().unwrap(),
            redeployments: vec![Redeployment {
                application: "orders".parse().unwrap(),
                image: image(),
                pipeline: pipeline(),
            }],
        }),
        Request::Infrastructure(request) => Recipe::Infrastructure(Box::new(InfrastructureRecipe {
            pipeline: pipeline(),
            commit: request.commit.clone(),
            terraform: "1.15.5".parse().unwrap(),
            lock: Digest::of(b"lock"),
            variables: Digest::of(b"variables"),
            planned_by: "77".parse().unwrap(),
            planned_in_attempt: 1,
            artifact: "88".parse().unwrap(),
            plan: Digest::of(chance.one_of(&[b"plan a", b"plan b"])),
            changes: Digest::of(b"changes"),
            policy: Digest::of(b"policy"),
            exceptions: request.exceptions.clone(),
            losses: if chance.one_in(2) { request.exceptions.clone() } else { [].into() },
        })),
    }
}
