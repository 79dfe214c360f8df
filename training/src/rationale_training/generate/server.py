"""Asks a teacher behind an OpenAI-compatible server: many requests at once, patient with limits and faults, never one more
than the budget allows.
"""

import asyncio
import email.utils
import os
import random
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import httpx2

from rationale_training.errors import UserError
from rationale_training.generate.journal import Answer, Failure, Request
from rationale_training.generate.settings import Server

#: Told of an answer, or of the reason why there is none; gives a further request (another attempt), or None.
Answered = Callable[[Request, Answer | Failure], Request | None]

_AGAIN = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529))
#: The config is wrong, not the request: asking on would fail as often.
_HOPELESS = frozenset((401, 403, 404))
LONGEST_PAUSE = 60.0


class ServerTeacher:
    """The engine for `server` configs."""

    def __init__(self, settings: Server) -> None:
        self.settings = settings
        self.identity = f"{settings.model} {sorted(settings.extra.items())}"
        self.retries = 0
        self._spent = 0.0
        self._stopped: UserError | None = None
        self._limits = _Limits(settings)

    def describe(self) -> dict[str, str]:
        """The `model` of a judgement: without the server's address, which is nobody's business."""
        return {"id": self.settings.model, "engine": "openai-compatible"}

    def cost(self, answer: Answer) -> float:
        """What an answer cost, by the prices in the config."""
        prompt, completion = answer.prompt_tokens or 0, answer.completion_tokens or 0
        return (prompt * self.settings.prompt_price + completion * self.settings.completion_price) / 1e6

    def spent_before(self, cost: float) -> None:
        """Counts what the journal says was spent against the budget."""
        self._spent += cost

    def run(self, requests: Iterator[Request], answered: Answered) -> None:
        """Asks all of `requests` and what `answered` asks for in turn. Raises UserError where going on makes no sense (key,
        address or model wrong, budget spent); what was answered has been passed on by then."""
        asyncio.run(self._run(requests, answered))

    async def _run(self, requests: Iterator[Request], answered: Answered) -> None:
        headers = {}
        if key := os.environ.get(self.settings.key_variable):
            headers["Authorization"] = f"Bearer {key}"
        limits = httpx2.Limits(max_connections=self.settings.concurrency)
        async with httpx2.AsyncClient(headers=headers, timeout=self.settings.timeout, limits=limits) as client:

            async def work() -> None:
                # One iterator for all: the next request is made when a worker is free, never a million ahead.
                for first in requests:
                    request: Request | None = first
                    while request is not None and not self._stop():
                        try:
                            answer = await self._ask(client, request)
                        except UserError as error:
                            # The others finish what is under way: it has been paid for.
                            self._stopped = self._stopped or error
                            return
                        request = answered(request, answer)
                    if self._stopped is not None:
                        return

            await asyncio.gather(*(work() for _ in range(self.settings.concurrency)))
        if self._stopped is not None:
            raise self._stopped

    def _stop(self) -> bool:
        budget = self.settings.budget
        if self._stopped is None and budget is not None and self._spent >= budget:
            self._stopped = UserError(
                f"the budget of {budget:g} is spent. Every answer is kept; a greater server.budget and --resume go on."
            )
        return self._stopped is not None

    async def _ask(self, client: httpx2.AsyncClient, request: Request) -> Answer | Failure:
        body: dict[str, Any] = {
            "model": self.settings.model,
            "messages": [{"role": role, "content": content} for role, content in request.messages],
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
            "seed": request.seed + request.draw,
            **self.settings.extra,
        }
        expected = sum(len(content) for _, content in request.messages) // 4 + request.max_tokens
        jitter = random.Random(request.item)
        fault = ""
        for attempt in range(self.settings.retries + 1):
            await self._limits.wait(expected)
            start = time.monotonic()
            try:
                response = await client.post(f"{self.settings.url.rstrip('/')}/chat/completions", json=body)
            except httpx2.TransportError as error:
                fault = f"{type(error).__name__}: {error}".rstrip(": ")
                pause = None
            else:
                if response.status_code == 200:
                    found = _answer(response, round((time.monotonic() - start) * 1000), attempt + 1)
                    if isinstance(found, Answer):
                        self._spent += self.cost(found)
                        self._limits.used(expected, found)
                        return found
                    fault, pause = found, None
                else:
                    fault = f"HTTP {response.status_code}: {_message(response)}"
                    if response.status_code in _HOPELESS:
                        raise UserError(
                            f"{self.settings.url} refuses {self.settings.model!r}: {fault}. Look at server.url, server.model "
                            f"and the key in {self.settings.key_variable}. Every answer so far is kept."
                        )
                    if response.status_code not in _AGAIN:
                        return Failure(fault, final=True)
                    pause = _retry_after(response)
            if attempt < self.settings.retries:
                self.retries += 1
                if pause is not None:
                    # The server speaks for all of us.
                    self._limits.pause(pause)
                else:
                    await asyncio.sleep(min(LONGEST_PAUSE, 0.5 * 2**attempt) * (0.5 + jitter.random() / 2))
        print(f"{request.item}: given up after {self.settings.retries + 1} tries ({fault}).", file=sys.stderr)
        return Failure(f"after {self.settings.retries + 1} tries: {fault}", final=False)


class _Limits:
    """Requests and tokens of the last minute, and pauses that the server asked for."""

    def __init__(self, settings: Server) -> None:
        self._requests = settings.requests_per_minute
        self._tokens = settings.tokens_per_minute
        self._recent: deque[tuple[float, int]] = deque()
        self._correction = 0
        self._until = 0.0
        self._gate: asyncio.Lock | None = None

    def pause(self, seconds: float) -> None:
        self._until = max(self._until, time.monotonic() + seconds)

    def used(self, expected: int, answer: Answer) -> None:
        """Puts what an answer really took in the place of what was expected."""
        if answer.prompt_tokens is not None and answer.completion_tokens is not None:
            self._correction += answer.prompt_tokens + answer.completion_tokens - expected

    async def wait(self, tokens: int) -> None:
        if self._gate is None:
            self._gate = asyncio.Lock()
        async with self._gate:
            while (seconds := self._until - time.monotonic()) > 0:
                await asyncio.sleep(seconds)
            if self._requests is None and self._tokens is None:
                return
            while True:
                now = time.monotonic()
                while self._recent and self._recent[0][0] <= now - 60:
                    self._recent.popleft()
                    if not self._recent:
                        self._correction = 0
                used = sum(size for _, size in self._recent) + self._correction
                too_many = self._requests is not None and len(self._recent) >= self._requests
                too_much = self._tokens is not None and bool(self._recent) and used + tokens > self._tokens
                if not too_many and not too_much:
                    break
                await asyncio.sleep(max(0.01, self._recent[0][0] + 60 - now))
            self._recent.append((time.monotonic(), tokens))


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds that the server asks to wait: a number or a date (RFC 9110, 10.2.3); at most 10 minutes."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return min(600.0, max(0.0, float(value)))
    except ValueError:
        pass
    try:
        return min(600.0, max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time()))
    except ValueError:
        return None


def _answer(response: httpx2.Response, elapsed: int, tries: int) -> Answer | str:
    """The answer in a response, or why it is none: proxies answer 200 with all kinds of things."""
    try:
        value = response.json()
        choice = value["choices"][0]
        text = choice["message"]["content"]
        if text is None:
            text = ""
        if not isinstance(text, str):
            raise TypeError
    except (ValueError, KeyError, IndexError, TypeError):
        return f"a response without an answer: {response.text[:200]}"
    usage = value.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    counts = [
        usage.get(name) if isinstance(usage.get(name), int) else None for name in ("prompt_tokens", "completion_tokens")
    ]
    return Answer(text, str(choice.get("finish_reason") or "stop"), counts[0], counts[1], elapsed, tries)


def _message(response: httpx2.Response) -> str:
    try:
        error = response.json()["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:300]
    except (ValueError, KeyError, TypeError):
        return response.text[:300] or response.reason_phrase
