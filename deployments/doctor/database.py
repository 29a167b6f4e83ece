"""Checks of PostgreSQL: version, roles, row-level security, migrations, and the owner's login."""

from deployments.doctor.finding import Finding, Findings, failed, ok, warning
from deployments.migrations import known_migrations
from nodes.clients.database.connections import APPLICATION_ROLE
from nodes.clients.database.setup import DatabaseSetup, Login, Owner, ProtectedTable, inspecting
from nodes.errors import CancelflowError
from nodes.settings import DatabaseSettings, load

OLDEST = 15
_MIGRATE = "Run `cancelflow migrate`"


async def examine() -> Findings:
    """Check with the application's login, then with the owner's."""
    settings = load(DatabaseSettings)
    async with inspecting(settings.database_url.get_secret_value()) as setup:
        login = await setup.login()
        yield of_version(login)
        async for finding in _of_application(setup, login):
            yield finding
    try:
        async with inspecting(settings.admin_url) as setup:
            owner = await setup.owner()
            yield _of_owner(owner, login, named=settings.database_admin_url is not None)
            if owner.may_migrate:
                yield _of_migrations(await setup.migrations() if owner.migrated else [])
    except CancelflowError as error:
        yield failed("owner", f"DATABASE_ADMIN_URL: {error}", "Correct DATABASE_ADMIN_URL")


async def _of_application(setup: DatabaseSetup, login: Login) -> Findings:
    if not login.role_exists:
        yield failed("role", f"there is no role {APPLICATION_ROLE}", f"{_MIGRATE}, which creates it")
        return
    if not await setup.may_act_as_application():
        grant = f"As the owner: GRANT {APPLICATION_ROLE} TO {login.login}"
        yield failed("role", f"the login {login.login} may not act as {APPLICATION_ROLE}", grant)
    else:
        yield ok("role", f"{login.login} logs in and acts as {APPLICATION_ROLE}")
    yield of_confinement(login)
    yield _of_tables(await setup.tables())


def of_version(login: Login) -> Finding:
    """Check that the server is new enough."""
    major, minor = divmod(login.version, 10_000)
    found = f"{major}.{minor}, database {login.database}"
    if major < OLDEST:
        return failed("version", found, f"Use PostgreSQL {OLDEST} or newer")
    return ok("version", found)


def of_confinement(login: Login) -> Finding:
    """Check that row-level security confines the application's role, whatever role logs in."""
    if login.role_unconfined:
        confine = f"As a superuser: ALTER ROLE {APPLICATION_ROLE} NOSUPERUSER NOBYPASSRLS"
        return failed("confinement", f"{APPLICATION_ROLE} is a superuser or bypasses row-level security", confine)
    if login.role_owns:
        own = "Give those tables to the role that runs `cancelflow migrate`: ALTER TABLE … OWNER TO …"
        return failed("confinement", f"{APPLICATION_ROLE} owns tables, and could disable their policies", own)
    if login.login_unconfined:
        return warning(
            "confinement",
            f"the login {login.login} is a superuser or bypasses row-level security",
            f"Log in as a role without that, to which {APPLICATION_ROLE} is granted",
        )
    return ok("confinement", f"{APPLICATION_ROLE} owns no tables and cannot bypass row-level security")


def _of_tables(tables: list[ProtectedTable]) -> Finding:
    wrong = [f"{each.name}: {_wrong(each)}" for each in tables if not (each.forced and each.confined)]
    if wrong:
        return failed(
            "row-level security",
            "users could see each other's rows, or not their own:\n" + "\n".join(wrong),
            "As the owner: CALL protect('the_table'), after dropping its policies own_rows and all_rows",
        )
    if not tables:
        return failed("row-level security", "there are no tables", _MIGRATE)
    return ok("row-level security", f"forced on all {len(tables)} tables with users' rows")


def _wrong(table: ProtectedTable) -> str:
    return "its policies are not cancelflow's" if table.forced else "row-level security is not enabled and forced"


def _of_owner(owner: Owner, login: Login, *, named: bool) -> Finding:
    name = "DATABASE_ADMIN_URL" if named else "DATABASE_ADMIN_URL is not set, and DATABASE_URL"
    if (owner.database, owner.started_at) != (login.database, login.started_at):
        return failed("owner", f"{name} leads to another database than DATABASE_URL", "Set both to the same database")
    if not owner.may_migrate:
        to_do = "Set DATABASE_ADMIN_URL to the role that owns the tables"
        return (failed if named else warning)("owner", f"{name} logs in as {owner.login}, which owns no tables", to_do)
    return ok("owner", f"{owner.login} owns the tables")


def _of_migrations(applied: list[str]) -> Finding:
    known = known_migrations()
    if missing := [name for name in known if name not in applied]:
        return failed("migrations", f"{len(missing)} of {len(known)} are not applied", _MIGRATE)
    if unknown := [name for name in applied if name not in known]:
        found = f"the database has newer ones: {', '.join(unknown)}"
        return warning("migrations", found, "Use the version of cancelflow that migrated the database")
    return ok("migrations", f"all {len(known)} applied")
