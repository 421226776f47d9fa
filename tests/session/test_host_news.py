"""What a host remembers of its read-backs: enough for a trace, and no more."""

import sys

import numpy as np

from labspin.session import host_news
from labspin.session.host_news import News


def told(news, name, times):
    for time in times:
        news.read({name: {"value": 2.0 * time, "time": time}})


def test_the_course_of_a_read_back_is_what_was_read_after_a_time():
    news = News()
    told(news, "magnet.field", [1.0, 2.0, 3.0])
    news.read({"magnet.field": {"error": "lost", "time": 4.0}, "laser.state": {"value": "on", "time": 4.0}})
    courses = news.course(["magnet.field", "laser.state", "none"], since=1.0)
    assert np.array_equal(courses["magnet.field"], [[2.0, 3.0], [4.0, 6.0]])
    assert all(len(part) == 0 for name in ("laser.state", "none") for part in courses[name])
    news.course(["magnet.field"], since=0.0)["magnet.field"][0][:] = 0.0
    assert np.array_equal(news.course(["magnet.field"], 0.0)["magnet.field"][0], [1.0, 2.0, 3.0])


def test_a_course_is_bounded_and_takes_sixteen_bytes_a_value():
    news = News()
    number = 3 * host_news._COURSE
    told(news, "magnet.field", map(float, range(number)))
    times, values = news.course(["magnet.field"], since=-1.0)["magnet.field"]
    assert host_news._COURSE <= len(times) <= host_news._COURSE + host_news._SPARE
    assert np.array_equal(times, np.arange(number - len(times), number))
    assert np.array_equal(values, 2.0 * times)
    kept = news._courses["magnet.field"]
    taken = sum(sys.getsizeof(part) for part in (kept._times, kept._values))
    assert taken <= 1.2 * 16 * (host_news._COURSE + host_news._SPARE)


def test_every_event_is_told_once():
    news = News()
    assert news.since(0, 0.0) == (0, [])
    for number in range(5):
        news.event("run", f"event {number}")
    sequence, events = news.since(0, 0.0)
    assert [text for *_, text in events] == [f"event {number}" for number in range(5)]
    assert news.since(sequence, 0.0) == (sequence, [])
    news.event("run", "one more")
    assert [text for *_, text in news.since(sequence, 0.0)[1]] == ["one more"]
