//! From a manifest to an application: every variable gets its value.

use std::collections::BTreeMap;

use crate::error::Fault;
use crate::read::OpenComponent;
use crate::template::Template;
use crate::{AllowedHost, Application, Component, Error, Manifest, RedisTrigger};

type Values = BTreeMap<String, String>;

impl Manifest {
    /// Puts values into every template: those given, by lower-case name, else the manifest's defaults.
    ///
    /// # Errors
    /// A required variable without a value, or an allowed host that a value makes invalid.
    pub fn resolve(&self, given: &Values) -> Result<Application, Error> {
        self.application(given).map_err(|fault| fault.of(&self.file))
    }

    fn application(&self, given: &Values) -> Result<Application, Fault> {
        let values = self.values(given)?;
        let components = self.components.iter();
        Ok(Application {
            name: self.name.clone(),
            components: components
                .map(|(name, open)| Ok((name.clone(), component(open, &values)?)))
                .collect::<Result<_, Fault>>()?,
            http: self.http.clone(),
            redis: self
                .redis
                .iter()
                .map(|trigger| RedisTrigger {
                    component: trigger.component.clone(),
                    address: trigger.address.fill(&values),
                    channel: trigger.channel.fill(&values),
                })
                .collect(),
            cron: self.cron.clone(),
        })
    }

    fn values(&self, given: &Values) -> Result<Values, Fault> {
        let value = |(name, variable): (&String, &crate::Variable)| {
            let value = given.get(name).or(variable.default.as_ref()).ok_or_else(|| {
                let set = name.to_ascii_uppercase();
                Fault::at(variable.line, format!("variable `{name}` is required: set SPIN_VARIABLE_{set}"))
            })?;
            Ok((name.clone(), value.clone()))
        };
        self.variables.iter().map(value).collect()
    }
}

fn component(open: &OpenComponent, values: &Values) -> Result<Component, Fault> {
    let hosts = open.allowed_hosts.iter().filter_map(|template| allowed_host(template, values).transpose());
    Ok(Component {
        source: open.source.clone(),
        variables: open.variables.iter().map(|(name, template)| (name.clone(), template.fill(values))).collect(),
        allowed_hosts: hosts.collect::<Result<_, Fault>>()?,
        build: open.build.clone(),
    })
}

/// An entry that comes out empty is no entry: its variable stands for a service that is not there.
fn allowed_host(template: &Template, values: &Values) -> Result<Option<AllowedHost>, Fault> {
    let text = template.fill(values);
    if matches!(text.as_str(), "" | "http://" | "https://") && template.variables().next().is_some() {
        return Ok(None);
    }
    AllowedHost::parse(&text).map(Some).map_err(|error| Fault::at(template.line, error.to_string()))
}
