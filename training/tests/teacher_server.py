"""A small OpenAI-compatible server around a real transformers model, with a server's bad days: the tests of `generate` start
it as a process of its own, so that it outlives a client that is killed and can say what it was asked.

    python teacher_server.py MODEL_FOLDER STATE_FOLDER

Writes its port to STATE_FOLDER/port. A test says how the day goes with POST /control: {"log": a file, "limit_every": 3,
"fail_every", "drop_every", "delay": seconds}; requests count from there. Each is a line of the log: {"at", "prompt", "seed",
"outcome"}, outcome being `answered`, `limited` (429), `failed` (500), `dropped` (no response) or `refused` (401, 400).
"""

import argparse
import http.server
import json
import os
import pathlib
import threading
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("state", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
    turn = threading.Lock()
    count = 0
    day: dict = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal count, day
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/control":
                with turn:
                    count, day = 0, body
                return self.send(200, {})
            with turn:
                count += 1
                number = count
            time.sleep(day.get("delay", 0))
            if self.path != "/v1/chat/completions":
                return self.refuse(body, 404, "no such path")
            if self.headers.get("Authorization") != "Bearer secret":
                return self.refuse(body, 401, "wrong key")
            if "REFUSE" in body["messages"][-1]["content"]:
                return self.refuse(body, 400, "the prompt is too long")
            if number % day.get("limit_every", number + 1) == 0:
                self.note(body, "limited")
                return self.send(429, {"error": {"message": "slow down"}}, {"Retry-After": "0.2"})
            if number % day.get("fail_every", number + 1) == 0:
                self.note(body, "failed")
                return self.send(500, {"error": {"message": "out of order"}})
            if number % day.get("drop_every", number + 1) == 0:
                self.note(body, "dropped")
                self.close_connection = True
                self.connection.close()
                return None
            with turn:
                value = answer(body)
            # Noted first: what a client that dies now has been answered counts as paid for.
            self.note(body, "answered")
            return self.send(200, value)

        def refuse(self, body: dict, status: int, why: str) -> None:
            self.note(body, "refused")
            self.send(status, {"error": {"message": why}})

        def send(self, status: int, value: dict, headers: dict[str, str] | None = None) -> None:
            data = json.dumps(value).encode()
            try:
                self.send_response(status)
                for name, item in {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}.items():  # fmt: skip
                    self.send_header(name, item)
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def note(self, body: dict, outcome: str) -> None:
            row = {
                "at": time.time(),
                "prompt": body["messages"][-1]["content"],
                "seed": body["seed"],
                "outcome": outcome,
            }
            with turn, pathlib.Path(day["log"]).open("a") as log:
                log.write(json.dumps(row) + "\n")

        def log_message(self, *_: object) -> None:
            pass

    def answer(body: dict) -> dict:
        text = tokenizer.apply_chat_template(body["messages"], add_generation_prompt=True, tokenize=False)
        inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False)
        width = inputs["input_ids"].shape[1]
        torch.manual_seed(body["seed"])
        sampling = {"temperature": body["temperature"], "top_p": body["top_p"]} if body["temperature"] > 0 else {}
        with torch.inference_mode():
            output = model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=body["max_tokens"],
                do_sample=body["temperature"] > 0,
                pad_token_id=tokenizer.pad_token_id,
                **sampling,
            )[0, width:].tolist()
        ended = bool(output) and output[-1] == tokenizer.eos_token_id
        return {
            "object": "chat.completion",
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": tokenizer.decode(output, skip_special_tokens=True)},
                    "finish_reason": "stop" if ended else "length",
                }
            ],
            "usage": {"prompt_tokens": width, "completion_tokens": len(output), "total_tokens": width + len(output)},
        }

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    temporary = options.state / "port.partial"
    temporary.write_text(str(server.server_port))
    temporary.replace(options.state / "port")
    server.serve_forever()


if __name__ == "__main__":
    main()
