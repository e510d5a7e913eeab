//! The steps of a database's rollback.

use rollback::{
    Application as Name, DatabaseRequest, Incident, Report, Run,
    point_in_time::{self, Window},
    preflight::{self, Preflight},
    recipe::{DatabaseRecipe, Image, Recipe, Redeployment},
    restored::{self, Restored, TableCount},
    schema::SchemaFit,
    step::{DatabaseStep as D, FailureCode, StepName},
    tag::Tag,
};

use super::{Scene, pipeline, running, unconfigured};
use crate::{
    desk::{Call, Desk, Halt},
    fact::{FactName, Item, Topic},
    outside::{
        cloud::{self, Followed, Progress, Server, Setting},
        github, registry,
    },
    settings,
    trace::Trace,
};

/// The pause between two looks at a restore, in seconds, when the cloud names none.
const PAUSE: i64 = 15;

/// The name of the artifact with what the verification found.
const VERIFICATION: &str = "verification";

/// The source and the applications, as the preflight has found them.
const PREFLIGHT: Topic = Topic::Step(StepName::Database(D::Preflight));

/// The restored server, as it was when it was ready.
fn awaited() -> FactName {
    Topic::Step(StepName::Database(D::AwaitServer)).fact(Item::Restored)
}

fn configured<'a>(desk: &Desk<'a>) -> Result<&'a settings::Database, Halt> {
    desk.place.targets.database.as_ref().ok_or_else(|| unconfigured("the database"))
}

/// The point in time that is asked for, or proposed as of when the source was seen.
fn moment(
    request: &DatabaseRequest,
    incident: &Incident,
    source: &Server,
    desk: &Desk<'_>,
) -> Result<(chrono::DateTime<chrono::Utc>, Window), Halt> {
    let window = Window {
        earliest: source.earliest_restore.unwrap_or(desk.now),
        now: desk.known_at(&PREFLIGHT.fact(Item::Source)).unwrap_or(desk.now),
        incident_at: incident.moments().alerted_at,
        loss_accepted: request.accept_loss.is_some(),
    };
    let point = match request.point_in_time {
        Some(point) => point,
        None => point_in_time::propose(&window)?,
    };
    Ok((point, window))
}

fn source(request: &DatabaseRequest, desk: &Desk<'_>) -> Result<Server, Halt> {
    let missing = || Halt::fail(FailureCode::SourceNotReady, &format!("there is no server {}", request.server));
    cloud::server(desk, &PREFLIGHT.fact(Item::Source), &request.server)?.ok_or_else(missing)
}

/// What would run.
pub(super) fn recipe(
    request: &DatabaseRequest,
    incident: &Incident,
    run: &Run,
    desk: &Desk<'_>,
) -> Result<Recipe, Halt> {
    let database = configured(desk)?;
    let source = source(request, desk)?;
    let (point, window) = moment(request, incident, &source, desk)?;
    let redeployments = request
        .applications
        .as_slice()
        .iter()
        .map(|name| {
            let application = running::configured(desk, name)?;
            let image = running_image(desk, application)?;
            let pipeline = pipeline::deployment(desk, application)?;
            Ok(Redeployment { application: name.clone(), image, pipeline })
        })
        .collect::<Result<Vec<_>, Halt>>()?;
    Ok(Recipe::Database(DatabaseRecipe {
        source: request.server.clone(),
        restored: request.server.restored(point, run.id()),
        incident_at: window.incident_at,
        point_in_time: point,
        waive_freeze: request.waive_freeze.clone(),
        accept_loss: request.accept_loss.clone(),
        secret: pipeline::reference(&database.secret)?,
        redeployments,
    }))
}

/// What an application runs, with the newest tag that points to it.
fn running_image(desk: &Desk<'_>, application: &settings::Application) -> Result<Image, Halt> {
    let digest = running::digest(desk, &PREFLIGHT, application)?;
    let tags = registry::tags(desk, &PREFLIGHT.fact(Item::Tags).of(&application.name), &application.image)?;
    let newest = tags.into_iter().filter(|tag| tag.digest == digest).max_by_key(|tag: &Tag| tag.created_at);
    let untagged = || Halt::fail(FailureCode::TagUnfit, &format!("no tag points to what {} runs", application.name));
    let Tag { name, .. } = newest.ok_or_else(untagged)?;
    Ok(Image { repository: application.image.clone(), tag: name, digest })
}

impl Scene<'_> {
    fn database_recipe(&self) -> Result<&DatabaseRecipe, Halt> {
        match self.approved()? {
            Recipe::Database(recipe) => Ok(recipe),
            _ => Err(Halt::fail(FailureCode::PreviewChanged, "the preview is of another kind")),
        }
    }

    /// Checks the source, the point in time, the new name, and that every application can be redeployed.
    pub(super) fn preflight(&self) -> Result<Vec<Report>, Halt> {
        let rollback::Request::Database(request) = self.run.request() else { return Ok(Vec::new()) };
        let database = configured(self.desk)?;
        if request.server != database.server {
            let detail = format!("the applications are configured to use {}, not {}", database.server, request.server);
            return Err(Halt::fail(FailureCode::Refused, &detail));
        }
        if let Some(left_out) = self.left_out(request) {
            let detail =
                format!("{left_out} uses the database too: every application of the configured list is redeployed");
            return Err(Halt::fail(FailureCode::Refused, &detail));
        }
        let source = source(request, self.desk)?;
        let (point_in_time, window) = moment(request, self.incident, &source, self.desk)?;
        let restored = request.server.restored(point_in_time, self.run.id());
        let existing = cloud::server(self.desk, &self.fact(Item::Restored), &restored)?;
        preflight::check(&Preflight {
            source: request.server.clone(),
            source_host: source.host.clone(),
            operations_host: self.desk.place.operations_host.clone(),
            ready: source.is_ready(),
            name_free: existing.is_none_or(|server| server.run.as_deref() == Some(&self.run.id().to_string())),
            point_in_time,
            window,
        })?;
        recipe(request, self.incident, self.run, self.desk).map(|_| Vec::new())
    }

    /// An application of the configuration that the request leaves out.
    fn left_out(&self, request: &DatabaseRequest) -> Option<Name> {
        let mut applications = self.desk.place.targets.applications.iter().map(|application| &application.name);
        applications.find(|name| !request.applications.as_slice().contains(name)).cloned()
    }

    /// The call that asks for the restored server.
    pub(super) fn restore(&self) -> Result<Call, Halt> {
        let recipe = self.database_recipe()?;
        let source = cloud::server(self.desk, &self.now().fact(Item::Source), &recipe.source)?;
        let source = source.filter(Server::is_ready);
        let source =
            source.ok_or_else(|| Halt::fail(FailureCode::SourceNotReady, "the source is not ready any more"))?;
        // A server of the new name that is there already is either this run's, or somebody else's.
        if cloud::server(self.desk, &self.now().fact(Item::Restored), &recipe.restored)?
            .is_some_and(|server| !self.is_ours(&server))
        {
            return Err(Halt::fail(FailureCode::NameTaken, "a server of the new name exists and is not this run's"));
        }
        cloud::restore(self.desk, self.fact(Item::Restore), recipe, &source, self.run.id())
    }

    /// Looks for the restored server by its name.
    pub(super) fn find_restored(&self) -> Result<Trace, Halt> {
        let recipe = self.database_recipe()?;
        match cloud::server(self.desk, &self.look(Item::Restored), &recipe.restored)? {
            None => Ok(Trace::Absent),
            Some(server) if self.is_ours(&server) => Ok(Trace::Found(pipeline::reference(&server.name)?)),
            Some(_) => Err(Halt::fail(FailureCode::NameTaken, "a server of the new name exists and is not this run's")),
        }
    }

    /// Whether a server is the one that this run has asked for: by its mark, its source and its point in time.
    fn is_ours(&self, server: &Server) -> bool {
        let run = self.run.id().to_string();
        let ours = |recipe: &DatabaseRecipe| server.is_restored_by(&run, recipe.source.as_str(), recipe.point_in_time);
        self.database_recipe().is_ok_and(ours)
    }

    /// Follows the restore to its end: the operation first, then the server itself.
    pub(super) fn await_server(&self) -> Result<Vec<Report>, Halt> {
        let recipe = self.database_recipe()?;
        let followed = self.operation_of(&StepName::Database(D::Restore)).map(|taken| Followed::of(taken, recipe));
        if let Some(Followed::Operation(url)) = followed {
            let name = self.fact(Item::Operation);
            match cloud::operation(self.desk, &name, url)? {
                Progress::UnderWay { retry_after } => {
                    return Err(Halt::again(retry_after.unwrap_or(PAUSE).clamp(1, 60), &[&name]));
                }
                Progress::Failed { why } => return Err(Halt::fail(FailureCode::RestoreFailed, &why)),
                Progress::Succeeded => {}
            }
        }
        let name = self.fact(Item::Restored);
        let server = cloud::server(self.desk, &name, &recipe.restored)?;
        let server =
            server.ok_or_else(|| Halt::fail(FailureCode::RestoreFailed, "the restored server is not there"))?;
        if server.is_failed() {
            return Err(Halt::fail(FailureCode::RestoreFailed, &format!("the restored server is {}", server.state)));
        }
        if !server.is_ready() || server.host.is_empty() {
            return Err(Halt::again(PAUSE, &[&name]));
        }
        Ok(Vec::new())
    }

    /// The host name of the restored server.
    pub(super) fn restored_host(&self) -> Result<String, Halt> {
        let server: Option<Server> = self.desk.known(&awaited()).flatten();
        let unknown = || Halt::fail(FailureCode::RestoreFailed, "the restored server has no name yet");
        server.map(|server| server.host).ok_or_else(unknown)
    }

    /// The host name of the source.
    pub(super) fn source_host(&self) -> Result<String, Halt> {
        let server: Option<Server> = self.desk.known(&PREFLIGHT.fact(Item::Source)).flatten();
        let unknown = || Halt::fail(FailureCode::SourceNotReady, "the source has no name");
        server.map(|server| server.host).ok_or_else(unknown)
    }

    /// Has the pipeline compare the restored database with its source, and measures the loss.
    pub(super) fn verify_data(&self) -> Result<Vec<Report>, Halt> {
        let recipe = self.database_recipe()?;
        let id = self.verification_run()?;
        let repository = self.repository()?;
        let id = id.to_string();
        self.follow(&repository, &pipeline::reference(&id)?, FailureCode::DataMismatch)?;
        let found = github::verification(self.desk, &self.fact(Item::Verification), &repository, &id, VERIFICATION)?;
        let (Some(source), Some(restored_server)) = (
            self.desk.known::<Option<Server>>(&PREFLIGHT.fact(Item::Source)).flatten(),
            self.desk.known::<Option<Server>>(&awaited()).flatten(),
        ) else {
            return Err(Halt::fail(FailureCode::DataMismatch, "the servers can't be compared"));
        };
        let (source, restored_server) = self.whole_setup(source, restored_server)?;
        // A restored server never has it: whoever closes the incident turns it on again, by the runbook.
        let mut differences: Vec<String> = restored_server
            .differences(&source)
            .iter()
            .filter(|difference| difference.setting != Setting::HighAvailability)
            .map(ToString::to_string)
            .collect();
        let schema_fits = self.schema_fits(recipe, found.schema_version)?;
        differences.extend(found.differences);
        let measured = restored::check(&Restored {
            point_in_time: recipe.point_in_time,
            source_heartbeat: found.source_heartbeat,
            restored_heartbeat: found.heartbeat,
            schema_fits,
            tables: found
                .row_counts
                .into_iter()
                .map(|(name, rows)| TableCount { name, source: rows.source, restored: rows.restored })
                .collect(),
            differences,
            loss_accepted: recipe.accept_loss.is_some(),
        });
        Ok(vec![Report::Loss { seconds: measured?.num_seconds() }])
    }

    /// Whether every image that is redeployed runs on the restored schema, as far as it states on which it does.
    fn schema_fits(&self, recipe: &DatabaseRecipe, version: Option<u32>) -> Result<bool, Halt> {
        let Some(version) = version else { return Ok(true) };
        for Redeployment { application, image, .. } in &recipe.redeployments {
            let name = self.fact(Item::Label).of(application);
            let stated = registry::schema(self.desk, &name, &image.repository, image.digest)?;
            if SchemaFit::of(stated, version) == SchemaFit::Unfit {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Both servers with what belongs to them.
    fn whole_setup(&self, mut source: Server, mut restored: Server) -> Result<(Server, Server), Halt> {
        let recipe = self.database_recipe()?;
        source.setup.extend(cloud::beside(self.desk, &self.fact(Item::Source), &recipe.source)?);
        restored.setup.extend(cloud::beside(self.desk, &self.fact(Item::Restored), &recipe.restored)?);
        Ok((source, restored))
    }

    /// The workflow run that compares: found, or dispatched. Comparing twice does no harm.
    fn verification_run(&self) -> Result<u64, Halt> {
        let name = self.fact(Item::Dispatched);
        if let Some(id) = self.desk.known::<Option<u64>>(&name).flatten() {
            return Ok(id);
        }
        let order = self.order()?;
        let since = self.step.intended_at().unwrap_or(self.run.opened_at());
        let found = self.look(Item::Run);
        if let Some(run) = github::find_run(self.desk, &found, &order.pipeline, since, &self.correlation())? {
            return Ok(run.id);
        }
        match github::dispatched(self.desk, &name, &order.pipeline, &order.inputs)? {
            Some(id) => Ok(id),
            // It was taken, and its run is found by its key in a moment.
            None => Err(Halt::again(3, &[&found])),
        }
    }

    /// Writes the connection to the restored server, and which revision it is; then reads back what can be.
    pub(super) fn update_secret(&self) -> Result<Vec<Report>, Halt> {
        let (recipe, database) = (self.database_recipe()?, configured(self.desk)?);
        let password = self.desk.place.credentials.database_password.as_ref();
        let password = password.ok_or_else(|| unconfigured("the password of the database"))?;
        let connection = database.connection.to(&self.restored_host()?, password.expose());
        let revision = self.run.id().to_string();
        let sent_at = self.step.intended_at().unwrap_or(self.desk.now);

        github::put_secret(self.desk, &self.fact(Item::Secret), recipe.secret.as_str(), &connection.into())?;
        github::put_variable(self.desk, &self.fact(Item::Variable), &database.variable, &revision)?;
        let (updated_name, revision_name) = (self.fact(Item::Updated), self.fact(Item::Revision));
        let updated = github::secret_updated_at(self.desk, &updated_name, recipe.secret.as_str())?;
        // GitHub's clock counts whole seconds.
        if updated.is_none_or(|updated| updated < sent_at - chrono::TimeDelta::seconds(2)) {
            return Err(Halt::fail(FailureCode::Refused, "GitHub does not say that the secret was written"));
        }
        if github::variable(self.desk, &revision_name, &database.variable)?.as_deref() != Some(revision.as_str()) {
            return Err(Halt::fail(FailureCode::Refused, "the revision of the secret does not read back"));
        }
        Ok(Vec::new())
    }

    /// Sees an application run as before, with the new connection.
    pub(super) fn verify_redeployment(&self, name: &Name) -> Result<Vec<Report>, Halt> {
        let recipe = self.database_recipe()?;
        let application = running::configured(self.desk, name)?;
        let redeployment = recipe.redeployments.iter().find(|redeployment| redeployment.application == *name);
        let unknown = || Halt::fail(FailureCode::RedeploymentFailed, "the application is not in the preview");
        let image = &redeployment.ok_or_else(unknown)?.image;
        let revision = self.run.id().to_string();
        self.verify_pods(application, image, Some(&revision), FailureCode::RedeploymentFailed)?;
        Ok(Vec::new())
    }
}
