"""Runs docs/litellm_auth.py in place of LiteLLM: a call as JSON a line comes in, and what becomes of it goes out.

Of the packages that it imports, only what it uses stands here; its questions go to the console.
"""

import asyncio
import json
import os
import sys
import types
import urllib.error
import urllib.request


class HTTPError(Exception):
    pass


class AsyncClient:
    def __init__(self, base_url, headers, timeout):
        self.base_url, self.headers, self.timeout = base_url, headers, timeout

    async def post(self, path, json):
        return self.send(urllib.request.Request(
            self.base_url + path, encode(json), {**self.headers, "Content-Type": "application/json"}))

    def send(self, request):
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        return types.SimpleNamespace(status_code=status, json=lambda: json.loads(text))


class ProxyException(Exception):
    def __init__(self, message, type, param, code):
        self.message, self.code = message, code


class Request:
    def __init__(self, call):
        self.body, self.path_params, query = call["body"], call.get("path") or {}, call.get("query") or {}
        self.query_params = types.SimpleNamespace(getlist=lambda name: query.get(name, []))

    async def json(self):
        return json.loads(self.body)


def encode(value):
    return json.dumps(value).encode()


def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)


module("httpx", AsyncClient=AsyncClient, HTTPError=HTTPError)
module("fastapi", Request=Request)
module("litellm")
module("litellm.proxy")
module("litellm.proxy._types", ProxyException=ProxyException, UserAPIKeyAuth=types.SimpleNamespace)
sys.path.insert(0, os.path.join("..", "docs"))
sys.dont_write_bytecode = True
from litellm_auth import authenticate

for line in sys.stdin:
    call = json.loads(line)
    try:
        print("allowed", asyncio.run(authenticate(Request(call), call["key"])).user_id)
    except ProxyException as refusal:
        print(refusal.code, refusal.message)
