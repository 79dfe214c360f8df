"""A small OpenAI-compatible server around a real transformers model, with a server's bad days: the tests of `generate` talk to
it over HTTP, some of them from a process that they kill. It runs in a thread, because to load torch once is slow enough.

A test says how the day goes with `begin`: log=a file, limit_every=3, fail_every, drop_every, delay=seconds; requests count
from there. Each is a line of the log: {"at", "prompt", "seed", "outcome"}, outcome being `answered`, `limited` (429), `failed`
(500), `dropped` (no response) or `refused` (401, 400).
"""

import http.server
import json
import pathlib
import threading
import time
from typing import Any

KEY = "secret"


class TeacherServer(http.server.ThreadingHTTPServer):
    """Serves the chat model in `folder` on a free port of the loopback interface until `close`."""

    daemon_threads = True

    def __init__(self, folder: pathlib.Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        super().__init__(("127.0.0.1", 0), Handler)
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.turn = threading.Lock()
        self.day: dict[str, Any] = {}
        self._count = 0
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def begin(self, **day: Any) -> None:
        """Begins another day."""
        with self.turn:
            self._count, self.day = 0, day

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def number(self) -> int:
        """Which request of the day this is."""
        with self.turn:
            self._count += 1
            return self._count

    def note(self, body: dict[str, Any], outcome: str) -> None:
        row = {"at": time.time(), "prompt": body["messages"][-1]["content"], "seed": body["seed"], "outcome": outcome}
        with self.turn, pathlib.Path(self.day["log"]).open("a") as log:
            log.write(json.dumps(row) + "\n")

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """What the model says, one request at a time."""
        import torch

        text = self.tokenizer.apply_chat_template(body["messages"], add_generation_prompt=True, tokenize=False)
        inputs = self.tokenizer(text, return_tensors="pt", add_special_tokens=False)
        width = inputs["input_ids"].shape[1]
        sampling = {"temperature": body["temperature"], "top_p": body["top_p"]} if body["temperature"] > 0 else {}
        with self.turn, torch.inference_mode():
            torch.manual_seed(body["seed"])
            output = self.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=body["max_tokens"],
                do_sample=body["temperature"] > 0,
                pad_token_id=self.tokenizer.pad_token_id,
                **sampling,
            )[0, width:].tolist()
        ended = bool(output) and output[-1] == self.tokenizer.eos_token_id
        said = self.tokenizer.decode(output, skip_special_tokens=True)
        finish = "stop" if ended else "length"
        return {
            "object": "chat.completion",
            "model": body["model"],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": finish}],
            "usage": {"prompt_tokens": width, "completion_tokens": len(output), "total_tokens": width + len(output)},
        }


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server: TeacherServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number, day = self.server.number(), self.server.day
        time.sleep(day.get("delay", 0))

        def turn_of(what: str) -> bool:
            return number % day.get(f"{what}_every", number + 1) == 0

        if self.path != "/v1/chat/completions":
            self.fault(body, "refused", 404, "no such path")
        elif self.headers.get("Authorization") != f"Bearer {KEY}":
            self.fault(body, "refused", 401, "wrong key")
        elif "REFUSE" in body["messages"][-1]["content"]:
            self.fault(body, "refused", 400, "the prompt is too long")
        elif turn_of("limit"):
            self.fault(body, "limited", 429, "slow down", {"Retry-After": "0.2"})
        elif turn_of("fail"):
            self.fault(body, "failed", 500, "out of order")
        elif turn_of("drop"):
            self.server.note(body, "dropped")
            self.close_connection = True
            self.connection.close()
        else:
            value = self.server.answer(body)
            # Noted first: what a client that dies now has been answered counts as paid for.
            self.server.note(body, "answered")
            self.send(200, value)

    def fault(
        self, body: dict[str, Any], outcome: str, status: int, why: str, headers: dict[str, str] | None = None
    ) -> None:
        self.server.note(body, outcome)
        self.send(status, {"error": {"message": why}}, headers)

    def send(self, status: int, value: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        every = {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
        try:
            self.send_response(status)
            for name, item in every.items():
                self.send_header(name, item)
            self.end_headers()
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            # The client was killed.
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """The log that tests read is enough."""
