"""Settings of the hooks that carry actions out in Stripe in cancelflow's place."""

from typing import Annotated, get_args

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from nodes.rules.carriers import Action
from nodes.settings.group import SettingsGroup, named_values
from nodes.settings.messages import WEBHOOK_SECRET, WEBHOOK_URL

_ACTIONS = get_args(Action)


class ActionHookSettings(SettingsGroup):
    """The company's endpoints, one for each action that it carries out itself."""

    action_hooks: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        description="ACTION=https://…, comma-separated: who carries the action out in Stripe instead of cancelflow; "
        f"an action is one of {', '.join(_ACTIONS)}",
    )
    action_hook_secret: SecretStr | None = Field(
        default=None, validate_default=True, description="whsec_…, which signs them: base64 of 24 random bytes or more"
    )

    @field_validator("action_hooks", mode="before")
    @classmethod
    def _by_action(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        pairs = named_values(given)
        if any(action not in _ACTIONS for action, _ in pairs):
            raise ValueError(f"ACTION_HOOKS must read ACTION=https://…, where ACTION is one of {', '.join(_ACTIONS)}")
        if not all(WEBHOOK_URL.match(url) for _, url in pairs):
            raise ValueError("Each URL in ACTION_HOOKS must begin with https:// (or http:// on this machine)")
        if len(dict(pairs)) < len(pairs):
            raise ValueError("ACTION_HOOKS names an action twice")
        return dict(pairs)

    @field_validator("action_hook_secret")
    @classmethod
    def _signs_actions(cls, secret: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if secret is None and others.data.get("action_hooks"):
            raise ValueError("ACTION_HOOK_SECRET is not set: it signs what is sent to ACTION_HOOKS")
        if secret is not None and not WEBHOOK_SECRET.fullmatch(secret.get_secret_value()):
            raise ValueError("ACTION_HOOK_SECRET must be whsec_ and the base64 of 24 random bytes or more")
        return secret
