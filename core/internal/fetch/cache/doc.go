// Package cache is a private HTTP cache on disk: RFC 9111, and stale-if-error of RFC 5861. It is a
// decorator of a [http.RoundTripper]: package fetch puts it above retries and credentials, and
// below the list of allowed hosts. It stores complete, decoded bodies.
//
// Where the RFC leaves a choice, correct data takes precedence over fewer requests:
//
//   - A reply without a lifetime is revalidated each time (If-None-Match, If-Modified-Since). No
//     lifetime is guessed from Last-Modified.
//   - One reply is stored for each URL and account. Vary decides whether it matches a request; if
//     not, the next reply replaces it.
//   - Failures (408, 425, 429, 5xx), parts (206) and replies with a secret are never stored.
//     Refusals (401, 403) and other replies that the RFC does not allow to be reused are used only
//     in the mode only.
//   - A request that is conditional, asks for a range or has a body bypasses the cache.
//
// An entry is a file with mode 0600: the body, then the head, then a footer with a checksum. It is
// written under a temporary name and renamed, and verified completely before use. So a kill or a
// power cut may lose an entry but never yields a wrong body. Any number of processes may use a
// folder.
//
// # Why not a library
//
// TestRFC9111 is a table of required behaviour. github.com/gregjones/httpcache (2019, the best
// known) fails 31 of its 82 rows: among others it ignores Age, Vary: * and the case of directives,
// keeps 206, 302 and Set-Cookie, forgets nothing after a POST, drops an entry on a 5xx (so that
// stale-if-error works for one request) and lets a 304 change the length of a body; and it holds
// each body in memory. github.com/pquerna/cachecontrol only decides whether and how long; storing,
// merging, revalidating and evicting would still be ours. bartventer/httpcache,
// sandrolain/httpcache, darkweak/souin, lox/httpcache and gitlab.com/tozd/go/httpcache are not
// available through the module proxy that this project builds with.
package cache
