"""Threads that are stuck: they are counted, named, and end the process where that is asked for. And how long turns take."""

import contextlib
import ctypes
import os
import re
import signal
import threading

import pytest

from peers import bootstrap as b
from peers.message import Broken, Request
from peers.proxy import Proxy
from peers.traffic import meanwhile
from peers.wait import PATIENCE, until

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_ALL_THREADS = 0x40000000  # __WALL
_WAITS_FOR_EVENTS = {"232", "281"}  # epoll_wait and epoll_pwait of x86-64
ABORT = {"name": "abort", "typed_config": b.any_of("watchdog.v3.AbortActionConfig", wait_duration="0.2s")}


def _ptrace(what, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(what, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def frozen(thread):
    """The thread does nothing meanwhile; all others of its process go on."""
    try:
        _ptrace(_SEIZE, thread)
    except PermissionError:
        pytest.skip("threads of other processes can't be stopped here")
    try:
        _ptrace(_INTERRUPT, thread)
        os.waitpid(thread, _ALL_THREADS)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            _ptrace(_DETACH, thread)


def thread_of(proxy, name):
    for thread in os.listdir(f"/proc/{proxy.process.pid}/task"):
        with open(f"/proc/{proxy.process.pid}/task/{thread}/comm", encoding="ascii") as file:
            if file.read() == name + "\n":
                return int(thread)
    raise AssertionError(f"there is no thread {name}")


def watched(main=None, workers=None, **fields):
    return b.bootstrap([b.listener(b.http([b.direct(200)]))], watchdogs={"main_thread_watchdog": main or {}, "worker_watchdog": workers or {}},
                       **fields)


QUICK = {"miss_timeout": "0.05s", "megamiss_timeout": "0.1s"}


def test_who_is_stuck_is_counted(pillion):
    proxy = pillion(watched(main=QUICK, workers=QUICK), concurrency=2)
    names = ["main_thread", "workers", "server.main_thread", "server.worker_0", "server.worker_1"]
    figures = proxy.admin("/stats?filter=watchdog")
    assert all(f"\n{name}.watchdog_{kind}: " in "\n" + figures for name in names for kind in ("miss", "mega_miss")), figures
    main = proxy.process.pid
    before = proxy.stat("server.main_thread.watchdog_mega_miss")
    while proxy.stat("server.main_thread.watchdog_mega_miss") == before:
        told = proxy.log().count("main_thread has been at the same thing for")
        with frozen(main):
            until(lambda: proxy.log().count("main_thread has been at the same thing for") > told, "the log says so")
    assert proxy.stat("main_thread.watchdog_mega_miss") == proxy.stat("server.main_thread.watchdog_mega_miss")
    assert proxy.stat("server.main_thread.watchdog_miss") > 0

    def ask(stop):  # so that workers have something to do
        while not stop.is_set():
            with contextlib.suppress(OSError, Broken):
                proxy.exchange(Request())

    worker = thread_of(proxy, "worker_1")
    with meanwhile(*[ask] * 4):
        def caught():
            with frozen(worker):
                with open(f"/proc/{main}/task/{worker}/syscall", encoding="ascii") as file:
                    if file.read().split()[0] in _WAITS_FOR_EVENTS:
                        return False  # it rests
                told = threading.Event()
                for _ in range(20):
                    if "worker_1 has been at the same thing for" in proxy.log():
                        return True
                    told.wait(0.1)
            return False
        until(caught, "worker_1 is found stuck", patience=2 * PATIENCE)
    assert proxy.stat("server.worker_1.watchdog_mega_miss") > 0
    assert proxy.stat("workers.watchdog_mega_miss") >= proxy.stat("server.worker_1.watchdog_mega_miss")
    assert proxy.exchange(Request()).status == 200


def killed(proxy):
    """Its log, once it has ended itself."""
    try:
        assert proxy.process.wait(PATIENCE) == -signal.SIGABRT
        return proxy.log()
    finally:
        proxy.kill()


def test_who_is_stuck_for_long_ends_the_process(tmp_path):
    proxy = Proxy(watched(main={"kill_timeout": "0.5s", "max_kill_timeout_jitter": "0.1s"}), tmp_path)
    try:
        with frozen(proxy.process.pid):
            until(lambda: "watchdog KILL: main_thread has been stuck for" in proxy.log(), "the log says so")
        log = killed(proxy)  # now it can say where it stands
        assert re.search(r"aborted: thread \S+ stands at\n.*0x", log), log
    finally:
        proxy.kill()


def test_an_action_ends_it_sooner(tmp_path):
    """Who can't end the process itself is helped."""
    proxy = Proxy(watched(main={"megamiss_timeout": "0.3s", "actions": [{"event": "MEGAMISS", "config": ABORT}]}), tmp_path)
    try:
        with frozen(proxy.process.pid):
            until(lambda: "aborted: thread watchdog stands at" in proxy.log(), "the watchdog ends the process")
        log = killed(proxy)
        assert "watchdog MEGAMISS: main_thread has been stuck for" in log
    finally:
        proxy.kill()


def test_turns_are_counted(pillion):
    proxy = pillion(watched(enable_dispatcher_stats=True), concurrency=2)
    names = [f"listener_manager.worker_{worker}.dispatcher" for worker in (0, 1)] + ["server.dispatcher"]
    figures = proxy.admin("/stats?filter=dispatcher")
    assert all(f"{name}.{kind}:" in figures for name in names for kind in ("loop_duration_us", "poll_delay_us")), figures

    def counted(name):
        proxy.exchange(Request())
        return f"{name}:" in proxy.admin("/stats?usedonly&filter=dispatcher")

    for name in names:
        until(lambda name=name: counted(f"{name}.loop_duration_us"), f"{name} has counted turns")
    until(lambda: counted("server.dispatcher.poll_delay_us"), "the main thread has counted waits")
    scraped = proxy.admin("/stats/prometheus?filter=dispatcher")
    assert 'envoy_listener_manager_worker_dispatcher_loop_duration_us_count{envoy_worker_id="1"}' in scraped


def test_without_that_they_are_not(pillion):
    assert pillion(watched()).admin("/stats?filter=dispatcher") == ""
