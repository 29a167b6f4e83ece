"""Settings report everything missing or invalid together, and never show a secret."""

import os
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from nodes.errors import SettingsInvalid
from nodes.rules.webhook_events import WEBHOOK_EVENTS
from nodes.settings import (
    ActionHookSettings,
    CallSettings,
    CancelPageSettings,
    ConsentSettings,
    DatabaseSettings,
    HttpSettings,
    IdentitySettings,
    LinkSettings,
    PolicySettings,
    SeedSettings,
    ServiceSettings,
    SettingsGroup,
    TriggerSettings,
    WebhookSettings,
    load,
)

SECRET = "hunter2-hunter2-hunter2-hunter2-hunter2"
COMPLETE = {
    "DATABASE_URL": f"postgresql://app:{SECRET}@db.example.com/cancelflow",
    "DATABASE_ADMIN_URL": f"postgresql://owner:{SECRET}@db.example.com/cancelflow",
    "STRIPE_API_KEY": f"sk_test_{SECRET}",
    "GOOGLE_CLOUD_PROJECT": "example",
    "SMTP_URL": f"smtps://billing:{SECRET}@mail.example.com",
    "LINK_SECRET": SECRET,
    "JWT_SECRET": SECRET,
    "JWT_PRIVATE_KEY": SECRET,
    "JWT_ISSUER": "https://issuer.example.com",
    "JWT_AUDIENCE": "cancelflow",
    "PREFECT_API_URL": "http://prefect.example.com/api",
}
GROUPS: list[type[SettingsGroup]] = [*SettingsGroup.__subclasses__(), SeedSettings, TriggerSettings]


@pytest.fixture(autouse=True)
def environment() -> Iterator[pytest.MonkeyPatch]:
    """Remove every known setting from the environment."""
    with pytest.MonkeyPatch.context() as patch:
        known = {name.upper() for group in GROUPS for name in group.model_fields}
        for name in known & set(os.environ):
            patch.delenv(name)
        yield patch


def refusal(group: type[SettingsGroup], **environment: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(SettingsInvalid) as caught:
            load(group)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return str(caught.value)


def lines(refused: str) -> list[str]:
    heading, *rest = refused.split("\n")
    assert heading == "Settings:"
    return [line.removeprefix("  ") for line in rest]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_setting_has_a_description(group: type[SettingsGroup]) -> None:
    assert [name for name, field in group.model_fields.items() if not field.description] == []


def test_no_group_replaces_a_validator_of_another() -> None:
    """Pydantic keeps one validator of each name, in a class that several groups make up."""
    groups = [group for group in TriggerSettings.__mro__ if issubclass(group, SettingsGroup)]
    validators = [
        name for group in groups for name in group.__pydantic_decorators__.field_validators if name in vars(group)
    ]
    assert len(validators) > len(groups)
    assert sorted(validators) == sorted(set(validators))


def test_all_missing_settings_are_listed_with_their_descriptions() -> None:
    named = lines(refusal(TriggerSettings))
    assert {line.partition(" is not set (")[0] for line in named if " is not set (" in line} == {
        "DATABASE_URL", "STRIPE_API_KEY", "GOOGLE_CLOUD_PROJECT", "SMTP_URL", "LINK_SECRET", "JWT_ISSUER",
        "JWT_AUDIENCE", "PREFECT_API_URL",
    }  # fmt: skip
    assert "STRIPE_API_KEY is not set (Stripe's secret key, sk_… or rk_…)" in named
    assert [line for line in named if " is not set (" not in line] == [
        "Set exactly one of JWT_JWKS_URL, JWT_PUBLIC_KEY, JWT_SECRET: who signs the tokens"
    ]


def test_an_empty_setting_counts_as_missing() -> None:
    assert lines(refusal(SeedSettings, **{**COMPLETE, "STRIPE_API_KEY": ""})) == [
        "STRIPE_API_KEY is not set (Stripe's secret key, sk_… or rk_…)"
    ]


def test_invalid_settings_are_listed_with_missing_ones_without_their_values() -> None:
    wrong = {"LINK_SECRET": "too-short", "HTTP_PORT": "eighty", "DATABASE_POOL_SIZE": "0", "PREFECT_API_URL": ""}
    named = lines(refusal(TriggerSettings, **{**COMPLETE, **wrong}))
    assert {line.partition(" is ")[0] for line in named} == set(wrong)
    assert [value for value in ("too-short", "eighty") if value in "\n".join(named)] == []


@pytest.mark.parametrize("group", [TriggerSettings, SeedSettings], ids=lambda group: group.__name__)
def test_secrets_are_masked_in_every_representation(
    group: type[SettingsGroup], environment: pytest.MonkeyPatch
) -> None:
    for name, value in COMPLETE.items():
        environment.setenv(name, value)
    settings = load(group)
    shown = " ".join([repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json()])
    assert SECRET not in shown
    assert "**********" in shown


def test_every_credential_is_a_secret() -> None:
    opens = {
        name
        for name, field in TriggerSettings.model_fields.items()
        if field.annotation in (SecretStr, SecretStr | None)
    }
    assert opens == {
        "database_url", "database_admin_url", "stripe_api_key", "smtp_url", "link_secret", "jwt_secret",
            "manual_webhook_secret", "action_hook_secret", "call_webhook_secret", "reply_imap_url", "reply_model_key",
        "jwt_private_key",
    }  # fmt: skip


# The database


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost",
        "postgresql:///cancelflow?host=/var/run/postgresql",
        "postgres://app@localhost/cancelflow",
        "postgresql://app:pass:word@127.0.0.1:5432/cancelflow?sslmode=require&connect_timeout=5",
        "postgresql://app:p%40ss%2Fword%25@[::1]:5432/cancelflow",
    ],
)
def test_a_database_url_is_accepted(url: str) -> None:
    assert DatabaseSettings.model_validate({"database_url": url}).admin_url == url


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_ADMIN_URL"])
@pytest.mark.parametrize(
    "url",
    [
        SECRET,
        f"mysql://app:{SECRET}@localhost/cancelflow",
        f"host=localhost password={SECRET}",
        f"postgresql://app:{SECRET}@localhost:port/cancelflow",
        f"postgresql://app:{SECRET}/{SECRET}@localhost/cancelflow",
        f"postgresql://app:1234/{SECRET}@localhost/cancelflow",
        f"postgresql://app:{SECRET}@{SECRET}@localhost/cancelflow",
        f"postgresql://app:{SECRET}%zz@localhost/cancelflow",
        f"postgresql://app:{SECRET}?{SECRET}@localhost/cancelflow#x",
        f"postgresql://app:{SECRET}@localhost/cancelflow\n",
    ],
)
def test_an_invalid_url_never_reaches_the_driver_whose_errors_quote_it(name: str, url: str) -> None:
    refused = refusal(DatabaseSettings, **{**COMPLETE, name: url})
    assert lines(refused) == [
        f"{name} must read: postgresql://user:password@host:port/name, with special characters percent-encoded"
    ]


def test_the_admin_url_overrides_the_database_url() -> None:
    both = {"database_url": COMPLETE["DATABASE_URL"], "database_admin_url": COMPLETE["DATABASE_ADMIN_URL"]}
    assert DatabaseSettings.model_validate(both).admin_url == COMPLETE["DATABASE_ADMIN_URL"]


# Authentication

SOURCES = {"JWT_JWKS_URL": "https://issuer.example.com/keys", "JWT_PUBLIC_KEY": "a key", "JWT_SECRET": SECRET}
ISSUED = {"JWT_ISSUER": "https://issuer.example.com", "JWT_AUDIENCE": "cancelflow"}


@pytest.mark.parametrize("source", SOURCES)
def test_one_key_source_is_enough(source: str, environment: pytest.MonkeyPatch) -> None:
    for name, value in {**ISSUED, source: SOURCES[source]}.items():
        environment.setenv(name, value)
    settings = load(IdentitySettings)
    given = {name for name in SOURCES if getattr(settings, name.lower()) is not None}
    assert given == {source}


@pytest.mark.parametrize(
    "sources",
    [(), ("JWT_JWKS_URL", "JWT_PUBLIC_KEY"), ("JWT_PUBLIC_KEY", "JWT_SECRET"), ("JWT_JWKS_URL", "JWT_SECRET"), SOURCES],
    ids=lambda sources: " and ".join(sources) or "none",
)
def test_none_or_several_key_sources_are_refused(sources: tuple[str, ...]) -> None:
    refused = refusal(IdentitySettings, **ISSUED, **{name: SOURCES[name] for name in sources})
    assert lines(refused) == ["Set exactly one of JWT_JWKS_URL, JWT_PUBLIC_KEY, JWT_SECRET: who signs the tokens"]


# A company's policies


@pytest.mark.parametrize(
    ("text", "countries"),
    [
        ("", set()),
        ("DE", {"DE"}),
        ("DE,FR", {"DE", "FR"}),
        (" de , fr ,, ", {"DE", "FR"}),
    ],
)
def test_countries_are_separated_by_commas(text: str, countries: set[str], environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REASON_OPTIONAL_COUNTRIES", text)
    assert load(PolicySettings).reason_optional_countries == countries


def test_a_reason_is_required_in_every_country_by_default() -> None:
    assert load(PolicySettings).reason_optional_countries == frozenset()


@pytest.mark.parametrize("policy", ["skip", "replace", "add"])
def test_the_policy_for_discounted_customers_can_be_set(policy: str, environment: pytest.MonkeyPatch) -> None:
    assert load(PolicySettings).offer_when_discounted == "skip"
    environment.setenv("OFFER_WHEN_DISCOUNTED", policy)
    assert load(PolicySettings).offer_when_discounted == policy


def test_an_unknown_policy_is_refused() -> None:
    assert "OFFER_WHEN_DISCOUNTED is wrong" in refusal(PolicySettings, OFFER_WHEN_DISCOUNTED="stack")


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, None),  # no one would read the answer
        ({"REPLY_TO": "support@example.com"}, 3600),
        ({"REPLY_TO": "support@example.com", "REASON_EMAIL_AFTER": "0"}, 0),
        ({"REPLY_TO": "support@example.com", "REASON_EMAIL_AFTER": "never"}, None),
        ({"REASON_EMAIL_AFTER": "0"}, None),
    ],
)
def test_the_reason_email_needs_a_reply_address(
    given: dict[str, str], seconds: int | None, environment: pytest.MonkeyPatch
) -> None:
    for name, value in {**COMPLETE, **given}.items():
        environment.setenv(name, value)
    assert load(ServiceSettings).ask_why_after == seconds


@pytest.mark.parametrize("after", ["-1", "soon"])
def test_an_invalid_delay_is_refused(after: str) -> None:
    assert "REASON_EMAIL_AFTER is wrong" in refusal(PolicySettings, REASON_EMAIL_AFTER=after)


def test_the_link_secret_has_at_least_32_characters() -> None:
    assert LinkSettings.model_validate({"link_secret": "x" * 32}).link_secret.get_secret_value() == "x" * 32
    assert "LINK_SECRET is wrong" in refusal(LinkSettings, LINK_SECRET="x" * 31)


HOOKS = {**COMPLETE, "MANUAL_WEBHOOK_URL": "https://team.example.com/hooks"}


def test_a_webhook_needs_a_secret_that_signs_it() -> None:
    assert "MANUAL_WEBHOOK_SECRET is not set" in refusal(TriggerSettings, **HOOKS)


@pytest.mark.parametrize("secret", ["hunter2", "whsec_c2hvcnQ=", f"whsec_{SECRET}"])
def test_a_webhook_secret_is_base64_of_24_bytes_or_more(secret: str) -> None:
    refused = refusal(TriggerSettings, **HOOKS, MANUAL_WEBHOOK_SECRET=secret)
    assert "MANUAL_WEBHOOK_SECRET must be whsec_" in refused
    assert "hunter2" not in refused


@pytest.mark.parametrize("url", ["http://team.example.com/hooks", "team.example.com", "https://"])
def test_a_webhook_is_sent_encrypted(url: str) -> None:
    refused = refusal(TriggerSettings, **{**HOOKS, "MANUAL_WEBHOOK_URL": url})
    assert "MANUAL_WEBHOOK_URL must begin with https://" in refused


ACTION_HOOKS = {**COMPLETE, "ACTION_HOOKS": "pause=https://api.example.com/pause, cancel=http://localhost:8080/cancel"}
SIGNS = "whsec_" + "A" * 32


def test_each_action_has_a_hook_of_its_own() -> None:
    given = {name.lower(): value for name, value in {**ACTION_HOOKS, "ACTION_HOOK_SECRET": SIGNS}.items()}
    hooks = {"pause": "https://api.example.com/pause", "cancel": "http://localhost:8080/cancel"}
    assert ActionHookSettings.model_validate(given).action_hooks == hooks


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "ACTION_HOOK_SECRET is not set"),
        ({"ACTION_HOOK_SECRET": "whsec_c2hvcnQ="}, "ACTION_HOOK_SECRET must be whsec_"),
        ({"ACTION_HOOKS": "refund=https://a.example.com"}, "ACTION is one of pause, resume, discount"),
        ({"ACTION_HOOKS": "https://a.example.com/?x=1"}, "ACTION is one of pause, resume, discount"),
        ({"ACTION_HOOKS": "pause=http://a.example.com"}, "Each URL in ACTION_HOOKS must begin with https://"),
        ({"ACTION_HOOKS": "pause=https://a.example.com,pause=https://b.example.com"}, "names an action twice"),
    ],
)
def test_hooks_that_can_not_be_used_are_refused(wrong: dict[str, str], says: str) -> None:
    secret = {} if not wrong else {"ACTION_HOOK_SECRET": SIGNS}
    assert says in refusal(TriggerSettings, **{**ACTION_HOOKS, **secret, **wrong})


ENDPOINTS = {
    "WEBHOOKS": "crm=https://a.example.com/hook?a=b, data=http://localhost:8080/in",
    "WEBHOOK_SECRETS": f"crm={SIGNS}, data={SIGNS}",
    "WEBHOOK_EVENTS": "data=session.completed offer.accepted",
}


def test_each_endpoint_has_its_url_its_secret_and_its_types(environment: pytest.MonkeyPatch) -> None:
    assert load(WebhookSettings).webhook_endpoints == {}
    for name, value in ENDPOINTS.items():
        environment.setenv(name, value)
    found = load(WebhookSettings)
    crm, data = found.webhook_endpoints["crm"], found.webhook_endpoints["data"]
    assert (crm.url, data.url) == ("https://a.example.com/hook?a=b", "http://localhost:8080/in")
    assert (crm.events, data.events) == (WEBHOOK_EVENTS, ("session.completed", "offer.accepted"))
    assert crm.secret.get_secret_value() == SIGNS
    assert SIGNS not in repr(found)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"WEBHOOKS": "https://a.example.com"}, "WEBHOOKS must read NAME=https://…"),
        ({"WEBHOOKS": "crm=http://a.example.com"}, "WEBHOOKS must read NAME=https://…"),
        ({"WEBHOOKS": "c r m=https://a.example.com"}, "WEBHOOKS must read NAME=https://…"),
        ({"WEBHOOKS": "crm=https://a.example.com,crm=https://b.example.com"}, "WEBHOOKS names an endpoint twice"),
        ({"WEBHOOK_SECRETS": f"crm={SIGNS}"}, "WEBHOOK_SECRETS has no secret for data"),
        ({"WEBHOOK_SECRETS": ""}, "WEBHOOK_SECRETS has no secret for crm, data"),
        ({"WEBHOOK_SECRETS": f"crm={SIGNS},data=whsec_c2hvcnQ="}, "must be whsec_ and the base64 of 24 random bytes"),
        ({"WEBHOOK_SECRETS": f"crm={SIGNS},data={SIGNS},other={SIGNS}"}, "NAME is an endpoint's in WEBHOOKS"),
        ({"WEBHOOK_SECRETS": f"{SIGNS}=="}, "WEBHOOK_SECRETS must read NAME=…"),
        ({"WEBHOOK_EVENTS": "other=session.completed"}, "NAME is an endpoint's in WEBHOOKS"),
        ({"WEBHOOK_EVENTS": "crm="}, "TYPE is one of session.started, session.completed"),
        ({"WEBHOOK_EVENTS": "crm=session.lost"}, "TYPE is one of session.started, session.completed"),
    ],
)
def test_webhooks_that_can_not_be_sent_are_refused(wrong: dict[str, str], says: str) -> None:
    refused = refusal(WebhookSettings, **{**ENDPOINTS, **wrong})
    assert says in refused
    assert SIGNS not in refused


@pytest.mark.parametrize(
    "origins",
    [
        "https://app.example.com/",
        "https://app.example.com/account",
        "https://*.example.com",
        "*",
        "app.example.com",
        "http://app.example.com",
        "https://App.example.com",
        "https://app.example.com:443",
        "https://app.example.com; script-src *",
        "https://app.example.com,null",
    ],
)
def test_embed_origins_are_exact(origins: str) -> None:
    [refused] = lines(refusal(CancelPageSettings, EMBED_ORIGINS=origins))
    assert refused.startswith("EMBED_ORIGINS must be origins such as https://app.example.com, comma-separated")


@pytest.mark.parametrize("given", ["sales", "idle_session saved_for_now", "idle_session,all", "Idle_Session"])
def test_only_sessions_make_tasks_by_a_setting(given: str) -> None:
    [refused] = lines(refusal(CancelPageSettings, TASKS_FOR=given))
    assert refused == "TASKS_FOR must name kinds of task, comma-separated: idle_session, saved_for_now"


def test_sessions_make_no_tasks_unless_they_are_named(environment: pytest.MonkeyPatch) -> None:
    assert load(CancelPageSettings).tasks_for == frozenset()
    environment.setenv("TASKS_FOR", "idle_session, saved_for_now")
    assert load(CancelPageSettings).tasks_for == {"idle_session", "saved_for_now"}


def test_embed_origins_are_read(environment: pytest.MonkeyPatch) -> None:
    assert load(CancelPageSettings).embed_origins == frozenset()
    environment.setenv("EMBED_ORIGINS", "https://app.example.com, http://localhost:3000")
    assert load(CancelPageSettings).embed_origins == {"https://app.example.com", "http://localhost:3000"}


@pytest.mark.parametrize("given", ["phone", "phone=0", "phone=-1", "phone=two", "fax=1", "phone=1,phone=2", "phone=²"])
def test_the_oldest_wording_that_counts_is_named_by_channel(given: str) -> None:
    [refused] = lines(refusal(ConsentSettings, CONSENT_MIN_VERSION=given))
    assert refused.startswith("CONSENT_MIN_VERSION must read CHANNEL=VERSION, as phone=2,email_marketing=1")


def test_the_oldest_wordings_that_count_are_read(environment: pytest.MonkeyPatch) -> None:
    assert load(ConsentSettings).consent_min_version == {}
    environment.setenv("CONSENT_MIN_VERSION", "phone=2, email_marketing=10")
    assert load(ConsentSettings).consent_min_version == {"phone": 2, "email_marketing": 10}


@pytest.mark.parametrize(
    "given", ["short", f"{SECRET},short", "x" * 31, "ü" * 32, "with a space in it, although it is long"]
)
def test_a_service_token_is_long_and_fits_a_header(given: str) -> None:
    assert "SERVICE_TOKENS must be 32 characters or more each" in refusal(
        TriggerSettings, **{**COMPLETE, "JWT_PRIVATE_KEY": "", "SERVICE_TOKENS": given}
    )


def test_service_tokens_are_rotated(environment: pytest.MonkeyPatch) -> None:
    for name, value in {**COMPLETE, "SERVICE_TOKENS": f"{SECRET}, {SECRET}-2"}.items():
        environment.setenv(name, value)
    tokens = load(TriggerSettings).service_tokens
    assert [each.get_secret_value() for each in tokens] == [SECRET, f"{SECRET}-2"]
    assert SECRET not in repr(tokens)


def test_trusted_proxies_are_addresses_and_networks(environment: pytest.MonkeyPatch) -> None:
    assert load(HttpSettings).trusted_proxies == ("127.0.0.1",)
    environment.setenv("TRUSTED_PROXIES", "10.0.0.7, 10.1.0.0/16,2001:db8::/32")
    assert load(HttpSettings).trusted_proxies == ("10.0.0.7", "10.1.0.0/16", "2001:db8::/32")


@pytest.mark.parametrize("proxies", ["*", "proxy.example.com", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.7:8080"])
def test_a_client_could_pretend_to_be_any_other_proxy(proxies: str) -> None:
    [refused] = lines(refusal(HttpSettings, TRUSTED_PROXIES=proxies))
    assert refused.startswith("TRUSTED_PROXIES must be addresses such as 10.0.0.7 or networks such as 10.0.0.0/24")


CALL_SECRET = f"whsec_{'QUJD' * 11}"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"CALL_WEBHOOK_URL": "http://vendor.example.com"}, "CALL_WEBHOOK_URL must begin with https://"),
        ({"CALL_WEBHOOK_URL": "https://vendor.example.com"}, "CALL_WEBHOOK_SECRET is not set"),
        ({"CALL_WEBHOOK_SECRET": SECRET}, "CALL_WEBHOOK_SECRET must be whsec_ and the base64 of 24 random bytes"),
        ({"CALL_RESULT_SECRETS": f"{CALL_SECRET},{SECRET}"}, "CALL_RESULT_SECRETS must be whsec_ and the base64"),
        ({"CALLS_PER_DAY": "0"}, "CALLS_PER_DAY is wrong"),
        ({"CALL_ATTEMPTS": "0"}, "CALL_ATTEMPTS is wrong"),
    ],
)
def test_calls_need_a_vendor_that_can_be_trusted(given: dict[str, str], says: str) -> None:
    [refused] = lines(refusal(CallSettings, **given))
    assert refused.startswith(says)


def test_the_secrets_of_results_are_rotated(environment: pytest.MonkeyPatch) -> None:
    assert (load(CallSettings).call_webhook_url, load(CallSettings).call_result_secrets) == (None, ())
    environment.setenv("CALL_RESULT_SECRETS", f"{CALL_SECRET}, {CALL_SECRET}QUJD")
    secrets = load(CallSettings).call_result_secrets
    assert [each.get_secret_value() for each in secrets] == [CALL_SECRET, f"{CALL_SECRET}QUJD"]
    assert CALL_SECRET not in repr(secrets)
