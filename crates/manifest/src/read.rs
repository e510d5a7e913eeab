//! From text to a manifest whose every name is known.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use crate::error::Fault;
use crate::schema::{BuildTable, Commands, ComponentTable, CronTable, Document, HttpTable, RedisTable, RouteValue};
use crate::template::Template;
use crate::{Build, CronTrigger, Error, HttpTrigger, Route, Schedule};

/// A manifest as its author wrote it, variables still open.
#[derive(Debug)]
pub struct Manifest {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) components: BTreeMap<String, OpenComponent>,
    pub(crate) http: Vec<HttpTrigger>,
    pub(crate) redis: Vec<OpenRedisTrigger>,
    pub(crate) cron: Vec<CronTrigger>,
}

/// A variable that whoever runs the application may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its value when nobody sets it; a variable without one must be set.
    pub default: Option<String>,
    /// Whether its value must not be shown.
    pub secret: bool,
    pub(crate) line: usize,
}

#[derive(Debug)]
pub(crate) struct OpenComponent {
    pub source: PathBuf,
    pub variables: BTreeMap<String, Template>,
    pub allowed_hosts: Vec<Template>,
    pub build: Option<Build>,
}

#[derive(Debug)]
pub(crate) struct OpenRedisTrigger {
    pub component: String,
    pub address: Template,
    pub channel: Template,
}

impl Manifest {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something that this project does not know.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(file).map_err(|error| Error {
            file: file.to_owned(),
            line: None,
            reason: format!("cannot be read: {error}"),
        })?;
        Self::parse(&text, file)
    }

    /// Reads a text; `file` is where it is from: errors name it, and sources are relative to its folder.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, Error> {
        Reader { text, folder: file.parent().unwrap_or(Path::new("")) }.manifest(file).map_err(|fault| fault.of(file))
    }

    /// The variables that may be set, by name.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, Variable> {
        &self.variables
    }
}

/// Turns tables into checked values, keeping the lines.
struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
}

impl Reader<'_> {
    fn manifest(&self, file: &Path) -> Result<Manifest, Fault> {
        let document: Document = toml::from_str(self.text).map_err(|error| Fault {
            line: error.span().map(|span| self.line(&span)),
            reason: error.message().replace('\n', ", "),
        })?;
        let version = document.spin_manifest_version;
        if *version.get_ref() != 2 {
            return Err(self.fault(&version, format!("manifest version {} is not known, 2 is", version.get_ref())));
        }
        let mut variables = BTreeMap::new();
        for (name, table) in document.variables {
            self.variable_name(&name)?;
            let line = self.line(&name.span());
            let reason = match (&table.default, table.required) {
                (None, false) => Some("neither has a default nor is required"),
                (Some(_), true) => Some("is required and has a default"),
                _ => None,
            };
            if let Some(reason) = reason {
                return Err(Fault::at(line, format!("variable `{}` {reason}", name.get_ref())));
            }
            variables.insert(name.into_inner(), Variable { default: table.default, secret: table.secret, line });
        }
        let mut components = BTreeMap::new();
        for (name, table) in document.component {
            self.component_name(&name)?;
            components.insert(name.into_inner(), self.component(table, &variables)?);
        }
        let names = components.keys().map(String::as_str).collect();
        let address = document.application.trigger.redis.map(|defaults| defaults.address);
        Ok(Manifest {
            file: file.to_owned(),
            name: document.application.name,
            http: self.http(document.trigger.http, &names)?,
            redis: self.redis(document.trigger.redis, address.as_ref(), &names, &variables)?,
            cron: self.cron(document.trigger.cron, &names)?,
            variables,
            components,
        })
    }

    fn component(&self, table: ComponentTable, known: &BTreeMap<String, Variable>) -> Result<OpenComponent, Fault> {
        let mut variables = BTreeMap::new();
        for (name, value) in table.variables {
            self.variable_name(&name)?;
            variables.insert(name.into_inner(), self.template(&value, known)?);
        }
        let allowed_hosts =
            table.allowed_outbound_hosts.iter().map(|host| self.template(host, known)).collect::<Result<_, _>>()?;
        if table.source.get_ref().is_empty() {
            return Err(self.fault(&table.source, "a component's source is a file"));
        }
        Ok(OpenComponent {
            source: self.folder.join(table.source.into_inner()),
            variables,
            allowed_hosts,
            build: table.build.map(|build| self.build(build)),
        })
    }

    fn build(&self, table: BuildTable) -> Build {
        let commands = match table.command.into_inner() {
            Commands::One(command) => vec![command],
            Commands::Several(commands) => commands,
        };
        let workdir = table.workdir.map_or_else(|| self.folder.to_owned(), |folder| self.folder.join(folder));
        Build { commands, workdir, watch: table.watch }
    }

    fn http(&self, tables: Vec<HttpTable>, names: &BTreeSet<&str>) -> Result<Vec<HttpTrigger>, Fault> {
        let mut triggers: Vec<HttpTrigger> = Vec::new();
        for table in tables {
            let component = self.known_component(&table.component, names)?;
            let route = match table.route.get_ref() {
                RouteValue::Path(path) => {
                    let route = Route::parse(path).map_err(|reason| self.fault(&table.route, reason))?;
                    if triggers.iter().filter_map(|other| other.route.as_ref()).any(|other| other.equivalent(&route)) {
                        return Err(self.fault(&table.route, format!("route `{path}` is there already")));
                    }
                    Some(route)
                }
                RouteValue::Private(private) if private.private => None,
                RouteValue::Private(_) => {
                    return Err(self.fault(&table.route, "a route that is not private is a path"));
                }
            };
            triggers.push(HttpTrigger { component, route });
        }
        Ok(triggers)
    }

    fn redis(
        &self,
        tables: Vec<RedisTable>,
        default: Option<&Spanned<String>>,
        names: &BTreeSet<&str>,
        known: &BTreeMap<String, Variable>,
    ) -> Result<Vec<OpenRedisTrigger>, Fault> {
        let open = |table: RedisTable| {
            let Some(address) = table.address.as_ref().or(default) else {
                let reason = "the trigger has no address, and [application.trigger.redis] has none either";
                return Err(self.fault(&table.channel, reason));
            };
            Ok(OpenRedisTrigger {
                component: self.known_component(&table.component, names)?,
                address: self.template(address, known)?,
                channel: self.template(&table.channel, known)?,
            })
        };
        tables.into_iter().map(open).collect()
    }

    fn cron(&self, tables: Vec<CronTable>, names: &BTreeSet<&str>) -> Result<Vec<CronTrigger>, Fault> {
        let read = |table: CronTable| {
            let expression = &table.cron_expression;
            let schedule = Schedule::parse(expression.get_ref()).map_err(|reason| self.fault(expression, reason))?;
            Ok(CronTrigger { component: self.known_component(&table.component, names)?, schedule })
        };
        tables.into_iter().map(read).collect()
    }

    fn template(&self, text: &Spanned<String>, known: &BTreeMap<String, Variable>) -> Result<Template, Fault> {
        let line = self.line(&text.span());
        let template = Template::parse(text.get_ref(), line).map_err(|reason| Fault::at(line, reason))?;
        if let Some(name) = template.variables().find(|name| !known.contains_key(*name)) {
            return Err(Fault::at(line, format!("there is no variable `{name}`")));
        }
        Ok(template)
    }

    fn known_component(&self, name: &Spanned<String>, names: &BTreeSet<&str>) -> Result<String, Fault> {
        match names.contains(name.get_ref().as_str()) {
            true => Ok(name.get_ref().clone()),
            false => Err(self.fault(name, format!("there is no component `{}`", name.get_ref()))),
        }
    }

    /// Lower case and digits, words apart by single dashes: what Spin calls kebab case.
    fn component_name(&self, name: &Spanned<String>) -> Result<(), Fault> {
        match is_name(name.get_ref(), '-') {
            true => Ok(()),
            false => Err(self.fault(name, format!("`{}` is no component name (kebab-case)", name.get_ref()))),
        }
    }

    /// Lower case and digits, words apart by single underscores.
    fn variable_name(&self, name: &Spanned<String>) -> Result<(), Fault> {
        match is_name(name.get_ref(), '_') {
            true => Ok(()),
            false => Err(self.fault(name, format!("`{}` is no variable name (lower_snake_case)", name.get_ref()))),
        }
    }

    fn fault<T>(&self, at: &Spanned<T>, reason: impl Into<String>) -> Fault {
        Fault::at(self.line(&at.span()), reason)
    }

    fn line(&self, span: &Range<usize>) -> usize {
        self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    }
}

fn is_name(text: &str, between: char) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .split(between)
            .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}
