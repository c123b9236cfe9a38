"""Lets Tollgate decide about calls of LiteLLM's proxy. Followed from LiteLLM's documents; the tests of this project run it
without LiteLLM.

    general_settings:
      custom_auth: litellm_auth.authenticate

Environment: TOLLGATE_URL, TOLLGATE_API_KEY (an API key with Usage:Create). Callers send their virtual key as Bearer.
Usage goes back by the generic API logger, with the user that this returns.
"""

import os

import httpx
from fastapi import Request
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

client = httpx.AsyncClient(
    base_url=os.environ["TOLLGATE_URL"],
    headers={"Authorization": f"Bearer {os.environ['TOLLGATE_API_KEY']}"},
    timeout=2,
)


# Members in which a call names further models, or another router. Tollgate is asked about one model.
FURTHER = {
    "fallbacks", "models", "fallback_models", "context_window_fallbacks", "content_policy_fallbacks",
    "router_settings_override",
}


# Where paths and queries name the model. A path with any other parameter, such as the endpoint of a pass-through route,
# may lead to another model than the body names.
NAMING = ("model", "model_name", "deployment")


def refuse(status: int, message: str, kind: str, param: str = "") -> ProxyException:
    return ProxyException(message=message, type=kind, param=param, code=status)


async def authenticate(request: Request, api_key: str) -> UserAPIKeyAuth:
    """Asks about the model in the body; without a yes the call is refused. A call that names another one is refused too."""
    try:
        body = await request.json()
    except ValueError:
        raise refuse(400, "Send the call as JSON.", "invalid_request_error")
    model = body.get("model") if isinstance(body, dict) else None
    if not isinstance(model, str) or any(name.casefold() == "model" and name != "model" for name in body):
        raise refuse(400, "Name one model.", "invalid_request_error", "model")
    if any(name not in NAMING for name in request.path_params):
        raise refuse(400, "Call a path that takes the model from the body: this one may call another.", "invalid_request_error", "model")
    elsewhere = [*request.path_params.values(), *(other for name in NAMING for other in request.query_params.getlist(name))]
    if "," in model or any(other != model for other in elsewhere):
        raise refuse(400, "Name one model, in the body.", "invalid_request_error", "model")
    for name in body:
        if name.casefold() in FURTHER:
            raise refuse(400, f"Leave out {name}: name one model.", "invalid_request_error", name)
    try:
        answer = await client.post("/api/decisions", json={"virtual_key": api_key, "model": model})
    except httpx.HTTPError:
        raise refuse(503, "Tollgate does not answer: nothing is allowed meanwhile.", "server_error")
    if answer.status_code != 200:
        raise refuse(503, "Tollgate cannot decide now: nothing is allowed meanwhile.", "server_error")
    decision = answer.json()
    if decision.get("decision") is not True:
        raise refuse(decision.get("status_code", 403), decision.get("message", "Not allowed."), decision.get("type", ""))
    return UserAPIKeyAuth(api_key=api_key, user_id=decision["user_id"])
