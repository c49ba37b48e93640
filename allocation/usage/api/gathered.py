"""Small posts of usage, recorded together with those that come at the same time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import BoundedSemaphore

from django.db import connection
from django.utils import timezone

from allocation.usage import operations
from allocation.usage.engine.back_pressure import pause_s
from allocation.usage.engine.posts import POSTS_MAX
from allocation.usage.operations import Gathering, IngestResult, Submission, record_together
from governance.people.models import ApiKey, KeyPermission
from governance.people.operations import authenticate_keys

# What is recorded with others; a larger post fills a transaction of its own.
RECORDS_MAX = 100
# The prefix of an API key, and the digest that it must have.
KeyIdentity = tuple[str, str]


class NotAllowed(Exception):
    """The key is not valid, or may not post usage."""


@dataclass(frozen=True, slots=True)
class Post:
    """A submission whose sender is known by the identity of a key that nobody has checked yet."""

    submission: Submission
    identity: KeyIdentity


def _record(posts: Sequence[Submission | Post]) -> list[IngestResult | Exception]:
    at = timezone.now()
    identities = {post.identity for post in posts if isinstance(post, Post)}
    keys = authenticate_keys(identities, at=at) if identities else {}
    checked = [_checked(post, keys) if isinstance(post, Post) else post for post in posts]
    results = iter(record_together([each for each in checked if isinstance(each, Submission)], at=at))
    return [next(results) if isinstance(each, Submission) else each for each in checked]


def _checked(post: Post, keys: dict[KeyIdentity, ApiKey]) -> Submission | NotAllowed:
    key = keys.get(post.identity)
    if key is None or not key.has_permission(KeyPermission.USAGE_WRITE):
        return NotAllowed()
    return replace(post.submission, key_scope_id=key.scope_id, weir_key=key.prefix)


# Of large posts more at once would not be done sooner, but all later.
_large = BoundedSemaphore(2)
_recording: Gathering[Submission | Post, IngestResult] = Gathering(_record, size_max=POSTS_MAX)


def record_post(post: Submission | Post) -> IngestResult:
    """As `record_usage`, in one transaction with what other threads of this process record at the same time. Raises
    NotAllowed for a Post whose key may not.
    """
    # A connection that waits in a thread is one that the others cannot have.
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    return _recording.do(post)


def record_posts(posts: Sequence[Submission | Post]) -> list[IngestResult | Exception]:
    """As `record_post`, of posts that came together already: what became of each, or what is wrong with it."""
    return _record(posts) if posts else []


def record_submission(submission: Submission) -> IngestResult:
    """Records what a key that was checked has sent: little together with others, much or special on its own. Much is
    answered later while roll-ups are behind.
    """
    if submission.is_plain and len(submission.events) + len(submission.refused) <= RECORDS_MAX:
        return record_post(submission)
    with _large:
        result = operations.record_submission(submission, at=timezone.now())
        # Recorded for good; the next of its sender comes after the answer. The place among the large ones is kept, or
        # many senders would be slowed together as little as one.
        time.sleep(pause_s(operations.behind_s()))
    return result
