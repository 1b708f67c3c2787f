"""The live page's server: what it answers and refuses; and a real run followed in a browser."""

import contextlib
import http.client
import json
import os
import re
import time

import pytest

from mu2 import cli
from mu2.errors import Mu2Error
from mu2.report.watch import open_socket
from mu2.store.lock import agent_lease
from tests import shrunken
from tests.report.browsers import browser, complaints, requests, texts
from tests.report.written import write_system

PATIENCE = 120  # seconds


@contextlib.contextmanager
def watching(directory):
    """`mu2 watch` in a process of its own; gives the port."""
    process = shrunken.python("-m", "mu2", "watch", directory, "--port", "0")
    try:
        yield int(re.search(r":(\d+)/", process.stdout.readline())[1])
    finally:
        process.terminate()
        process.wait(20)
        errors = process.stderr.read()
        process.stdout.close()
        process.stderr.close()
    assert "Traceback" not in errors, errors


def ask(port, target, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, target, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def test_it_answers_and_refuses(tmp_path):
    directory = tmp_path / "system"
    with watching(directory) as port:
        assert ask(port, "/data.json")[0] == 204
        write_system(directory, 3, 4)
        status, body, headers = ask(port, "/data.json")
        assert status == 200
        assert [task["name"] for task in json.loads(body)["systems"][0]["tasks"]] == [
            *("task0", "task1", "task2"),
        ]
        assert headers["x-commit"] == (directory / "HEAD").read_text().strip()
        assert ask(port, "/data.json")[1] == body
        status, body, _ = ask(port, "/")
        assert status == 200
        assert b"connect-src 'self'" in body.replace(b"&#x27;", b"'")
        for target in ("/log.jsonl", "/../log.jsonl", "/%2e%2e/HEAD", "/HEAD", "//etc/passwd"):
            assert ask(port, target)[0] == 404, target
        for method in ("POST", "PUT", "DELETE"):
            assert ask(port, "/data.json", method)[0] == 405
        assert ask(port, "/data.json", Host="attacker.example")[0] == 400
        (directory / "mu2.json").write_text("{}")
        (directory / "HEAD").write_text("none of ours\n")
        status, body, _ = ask(port, "/data.json")
        assert status == 503
        assert json.loads(body)["fault"]


def test_what_agents_do_is_told_when_it_changes(tmp_path):
    write_system(tmp_path / "<b>", 2, 4)
    lease = agent_lease(tmp_path / "<b>", "<i>")
    assert lease.take()
    try:
        with watching(tmp_path / "<b>") as port:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/events")
            answer = connection.getresponse()
            name, data, _ = (answer.readline().decode() for _ in range(3))
            assert name == "event: agents\n"
            (line,) = json.loads(data.removeprefix("data: "))
            assert line.startswith(f"agent of <i>: between two cycles; process {os.getpid()}")
            assert answer.readline().decode().startswith("data: ")  # the commit
            lease.give_back()
            told = [answer.readline().decode() for _ in range(3)]
            assert told[1:] == ["event: agents\n", "data: []\n"]
            connection.close()
    finally:
        lease.give_back()


def test_it_writes_nothing(tmp_path):
    write_system(tmp_path / "system", 2, 4)
    before = shrunken.files(tmp_path / "system")
    with watching(tmp_path / "system") as port:
        assert ask(port, "/data.json")[0] == 200
    assert shrunken.files(tmp_path / "system") == before


def test_a_port_that_is_taken_is_told(capsys):
    with contextlib.closing(open_socket(0)) as taken:
        port = taken.getsockname()[1]
        assert taken.getsockname()[0] == "127.0.0.1"
        with pytest.raises(Mu2Error, match=f"port {port}"):
            open_socket(port)
        assert cli.main(["watch", "nowhere", "--port", str(port)]) == 2
        assert "--port 0" in capsys.readouterr().err


def until(driver, what, found):
    """Waits until a page shows something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found(driver):
            return
        time.sleep(0.2)
    raise AssertionError(f"not seen within {PATIENCE} s: {what}; {texts(driver, 'main')}")


def children(driver):
    """The number of children that the page tells of."""
    cards = dict(
        zip(texts(driver, "main > .cards span"), texts(driver, "main > .cards b"), strict=True)
    )
    return int(cards.get("children", 0))


@pytest.mark.slow
def test_it_follows_a_run_through_a_kill_and_its_resumption(tmp_path):
    directory = tmp_path / "system"
    with watching(directory) as port, browser() as driver:
        driver.get(f"http://127.0.0.1:{port}/")
        until(driver, "a page that waits", lambda d: texts(d, "#waiting"))
        words = ["-m", "mu2", *shrunken.words(directory, "Evolution.children_per_iteration=6")]
        run = shrunken.python(*words)
        until(driver, "the first children", lambda d: children(d) >= 2)
        run.kill()
        run.communicate()
        stood = children(driver)
        assert "not finished" in texts(driver, "#standing")[0]
        driver.execute_script("document.querySelector('#tasks button.task').click()")
        assert texts(driver, "#task h2")[0].strip() == "Task digits"
        again = shrunken.python(*words)
        until(driver, "more children", lambda d: children(d) > stood)
        until(driver, "the end", lambda d: "complete" in "".join(texts(d, "#standing")))
        again.communicate()
        assert again.returncode == 0
        assert children(driver) == 36
        assert texts(driver, "#task h2")[0].strip() == "Task digits"  # as it was chosen
        assert texts(driver, "#live")[0].startswith("● live, commit")
        assert complaints(driver) == []
        assert {url.split("/")[2] for url in requests(driver)} == {f"127.0.0.1:{port}"}


@pytest.mark.slow
def test_it_shows_who_does_what_of_the_agents(tmp_path):
    directory = tmp_path / "system"
    with watching(directory) as port, browser() as driver:
        driver.get(f"http://127.0.0.1:{port}/")
        words = shrunken.words(directory, *shrunken.SMALL)[1:]
        agents = shrunken.python("-m", "mu2", "agents", *words, "--cycles", "2")
        for task in ("digits", "latin"):
            line = f"agent of {task}: cycle "
            until(driver, line, lambda d, line=line: line in " ".join(texts(d, "#agents li")))
        driver.execute_script("document.querySelector('#theme')?.click()")  # it is drawn anew
        agents.communicate()
        assert agents.returncode == 0
        until(driver, "the end", lambda d: texts(d, "#standing") and not texts(d, "#agents li"))
        assert complaints(driver) == []
