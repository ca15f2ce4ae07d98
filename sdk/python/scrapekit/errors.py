"""Errors with a class. Any other exception is temporary: the host tries again, from the last cursor or token."""


class Failure(Exception):
    """An error that the host may mend by trying again, as it does with any other exception.

    permanent: trying again will not help. retry_after: seconds to wait before the next try; 0: the host decides.
    """

    permanent = False

    def __init__(self, message, retry_after=0.0):
        super().__init__(message)
        self.retry_after = retry_after


class Permanent(Failure):
    """An error that trying again does not mend."""

    permanent = True


class RetryAfter(Failure):
    """A temporary error after which the next try is to wait: RetryAfter("the index is being built", 30)."""


class Reject(Exception):
    """Raised for one record that is refused: it becomes a dead letter. Reports count by what stands before the first ": "."""
