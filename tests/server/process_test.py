"""`allennlp serve` as a process: start, signals, exit status, clients that go away."""

import json
import signal
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from ner_adv_plugin.commands import main
from ner_adv_plugin.inference import Predictor
from tests.answers import assert_same_answers
from tests.server.process import Server, server_of

SHORT = {"texts": ["魏勇在深圳大学工作。"]}
LONG = {"texts": ["魏勇在深圳大学工作。" * 6_000]}


def metric(server: Server, name: str) -> float:
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def send_and_close(server: Server, body: dict[str, list[str]]) -> None:
    """Send a request and close the connection without waiting for the answer."""
    host, port = server.url.removeprefix("http://").split(":")
    data = json.dumps(body).encode()
    head = (
        f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + data)
        wait_until(lambda: metric(server, "ner_queued_requests") > 0)


def wait_until(holds) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_a_server_from_start_to_stop(tiny_run: Path, tmp_path: Path) -> None:
    # Longer than a slow machine takes for the long text.
    with server_of(tiny_run, tmp_path / "log", "--stop-seconds", "300") as server:
        assert server.url.startswith("http://127.0.0.1:")
        found = httpx.post(f"{server.url}/predict", json=SHORT).json()["results"][0]
        expected = Predictor.from_path(tiny_run).predict_json({"text": SHORT["texts"][0]})
        assert_same_answers([{"entities": found["entities"]}], [{"entities": expected["entities"]}])

        # A long text does not keep a short one waiting.
        answers: list[httpx.Response] = []
        ask = threading.Thread(
            target=lambda: answers.append(
                httpx.post(f"{server.url}/predict", json=LONG, timeout=300)
            )
        )
        ask.start()
        wait_until(lambda: metric(server, "ner_queued_requests") > 0)
        started = time.monotonic()
        assert httpx.post(f"{server.url}/predict", json=SHORT, timeout=300).status_code == 200
        assert time.monotonic() - started < 3
        ask.join()
        (result,) = answers[0].json()["results"]
        assert result["text"] == LONG["texts"][0] and len(result["entities"]) > 1000

        # What nobody waits for leaves the queue.
        send_and_close(server, LONG)
        wait_until(lambda: metric(server, "ner_queued_requests") == 0)

        # What was accepted before SIGTERM is finished.
        ask = threading.Thread(
            target=lambda: answers.append(
                httpx.post(f"{server.url}/predict", json=LONG, timeout=300)
            )
        )
        ask.start()
        wait_until(lambda: metric(server, "ner_queued_requests") > 0)
        server.process.send_signal(signal.SIGTERM)
        ask.join()
        assert answers[1].status_code == 200
        assert server.process.wait(20) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/health")
        log = server.log.read_text(encoding="utf-8")
        assert "stopping: 1 accepted requests are finished first" in log and "Traceback" not in log


@pytest.mark.slow
def test_the_stop_has_a_deadline(tiny_run: Path, tmp_path: Path) -> None:
    with server_of(tiny_run, tmp_path / "log", "--stop-seconds", "0.1") as server:
        answers: list[httpx.Response] = []
        body = {"texts": LONG["texts"] * 2}
        ask = threading.Thread(
            target=lambda: answers.append(
                httpx.post(f"{server.url}/predict", json=body, timeout=300)
            )
        )
        ask.start()
        wait_until(lambda: metric(server, "ner_queued_requests") > 0)
        started = time.monotonic()
        server.process.send_signal(signal.SIGINT)
        ask.join()
        assert server.process.wait(20) == 0 and time.monotonic() - started < 8
        assert answers[0].status_code == 503
        assert "stopped before this request was finished" in answers[0].text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--max-texts", "0"], "error: --max-texts: expected more than 0, found 0"),
        (["--window", "10"], "error: --window-overlap: expected less than half of the window, 10"),
        (["--token-file", "/nothing/here"], "error: --token-file /nothing/here: "),
        (["--annotations", "{run}/config.json"], "expected a JSON list of tasks"),
        (["--port", "99999"], "error: --port: expected 0 to 65535, found 99999"),
        (["--host", "not.a.host.invalid"], "error: cannot listen on not.a.host.invalid"),
    ],
)
def test_wrong_flags(
    tiny_run: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["serve", str(tiny_run), *(flag.format(run=tiny_run) for flag in flags)])
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_a_port_in_use(tiny_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit):
            main(["serve", str(tiny_run), "--port", str(port)])
    assert f"port {port}: " in capsys.readouterr().err


def test_an_empty_token_is_refused(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALLENNLP_SERVE_TOKEN", " ")
    with pytest.raises(SystemExit):
        main(["serve", str(tiny_run)])
    assert "error: ALLENNLP_SERVE_TOKEN: expected ASCII text" in capsys.readouterr().err
