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


class Skip(Permanent):
    """A split is not to be read, as where robots.txt forbids a link. It is counted and listed, and nothing is missing for it.

    A request that robots.txt forbids raises it.
    """


class NotKept(Failure):
    """There is no such file as :func:`scrapekit.keep` was to keep: the reply is another, or too long.

    status: of the reply, 0 if it was too long and not read. problem: why the body of a 2xx reply is not the file. too_long: it is longer
    than the pipeline file allows. A request that fails raises its own error instead.
    """

    def __init__(self, message, status, problem="", too_long=False):
        super().__init__(message)
        self.status, self.problem, self.too_long = status, problem, too_long
        self.permanent = too_long or not problem and status not in (408, 425, 429) and status < 500


class RetryAfter(Failure):
    """A temporary error after which the next try is to wait: RetryAfter("the index is being built", 30)."""


class Reject(Exception):
    """Raised for one record that is refused: it becomes a dead letter. Reports count by what stands before the first ": "."""
