// Package cache is a private HTTP cache on disk, as RFC 9111 has it and with the stale-if-error of
// RFC 5861. It is a decorator of a [http.RoundTripper]: package fetch puts it above its retries and
// credentials, and below its list of allowed hosts. What it gets there are whole, decoded bodies.
//
// Where the RFC leaves a choice, data that is right comes before requests that are saved:
//
//   - A reply that states no lifetime is asked about again each time (If-None-Match, If-Modified-Since): no lifetime is
//     guessed from Last-Modified.
//   - One reply is kept for a URL and an account. Vary decides whether it fits a request; if not, the next takes its place.
//   - Failures (408, 425, 429, 5xx) are never kept, nor parts (206), nor a reply in which a secret is found. Refusals (401, 403)
//     and whatever else the RFC does not let be used again are there for the mode only alone.
//   - A request that is conditional by itself, asks for a range or has a body passes by.
//
// An entry is one file, 0600: the body, then the head, then a footer with a checksum. It is written
// aside and renamed, and checked whole before it is used, so a kill or a power cut may lose an
// entry but never makes a wrong body. Any number of processes may use a folder.
//
// # Why not a library
//
// TestRFC9111 is a table of what a cache has to do. github.com/gregjones/httpcache (2019, the best
// known) fails 31 of its 82 rows: among others it ignores Age, Vary: * and the case of directives,
// keeps 206, 302 and Set-Cookie, forgets nothing after a POST, drops an entry on a 5xx (so that
// stale-if-error works for one request) and lets a 304 change the length of a body; and it holds
// each body in memory. github.com/pquerna/cachecontrol says only whether and how long; storing,
// merging, asking again and evicting would still be ours. bartventer/httpcache,
// sandrolain/httpcache, darkweak/souin, lox/httpcache and gitlab.com/tozd/go/httpcache cannot be
// had through the module proxy that this project builds with.
package cache
