"""Which pages may call: those of EMBED_ORIGINS, with a preflight."""

import httpx
import pytest

from nodes.errors import SettingsInvalid
from nodes.settings import CancelPageSettings, load
from tests.offers.company import Company
from tests.sdk.component import ORIGIN, Component, component_token

pytestmark = pytest.mark.slow

CALLS = ("/sdk/v1/api/orgs/cancelflow/cancel-flow/config", "/sdk/v1/api/sessions/sdk")
HEADERS = "content-type,x-ck-app,x-ck-authorization,x-ck-customer,x-ck-mode,x-ck-subscription"


def preflight(company: Company, path: str, origin: str) -> httpx.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": HEADERS,
    }
    return company.http.options(path, headers=asked)


def shared(response: httpx.Response) -> list[str]:
    return [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", CALLS)
def test_a_preflight_from_a_known_origin(company: Company, path: str) -> None:
    response = preflight(company, path, ORIGIN)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in response.headers["access-control-allow-methods"]
    allowed = {each.strip().lower() for each in response.headers["access-control-allow-headers"].split(",")}
    assert set(HEADERS.split(",")) <= allowed
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("origin", ["https://evil.example.com", "https://app.example.com.evil.com", "null", ""])
def test_another_origin_gets_no_headers_and_nothing_happens(company: Company, origin: str) -> None:
    for path in CALLS:
        response = preflight(company, path, origin)
        assert response.status_code >= 400
        assert shared(response) == []
    person = company.customer()
    shown = Component(f"{company.http.base_url}/sdk/v1", component_token(person), Origin=origin)
    before = company.world.belongings(person.user_id)
    for response in (shown.config(), shown.cancel(), shown.record(canceled=True)):
        assert response.status_code == 403
        assert shared(response) == []
    assert company.world.belongings(person.user_id) == before


def test_a_known_origin_gets_the_headers_with_every_response(company: Company) -> None:
    base, person = f"{company.http.base_url}/sdk/v1", company.customer()
    good = Component(base, component_token(person), Origin=ORIGIN).config()
    bad = Component(base, component_token(person), **{"Origin": ORIGIN, "x-ck-mode": "live"}).config()
    assert (good.status_code, bad.status_code) == (200, 401)
    for response in (good, bad):
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in response.headers["vary"]


def test_our_own_origin_needs_no_headers(company: Company) -> None:
    own = str(company.world.addresses["http"])  # PUBLIC_URL, as of an app behind the same proxy
    response = Component(f"{company.http.base_url}/sdk/v1", component_token(company.customer()), Origin=own).config()
    assert response.status_code == 200
    assert shared(response) == []


def test_no_other_address_is_shared(company: Company) -> None:
    for path in ("/cancel-subscription", "/offers", "/cancel", "/healthz"):
        assert shared(preflight(company, path, ORIGIN)) == []
        assert shared(company.http.get(path, headers={"Origin": ORIGIN})) == []


@pytest.mark.parametrize("given", ["*", "app.example.com", "https://app.example.com/", "https://app.example.com/path"])
def test_a_setting_that_is_no_origin_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("EMBED_ORIGINS", given)
    with pytest.raises(SettingsInvalid, match="EMBED_ORIGINS must be origins"):
        load(CancelPageSettings)


def test_several_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBED_ORIGINS", "https://app.example.com, http://localhost:3000")
    assert load(CancelPageSettings).embed_origins == {"https://app.example.com", "http://localhost:3000"}
