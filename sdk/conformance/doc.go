// Package conformance holds the checks that prove a plugin right, apart from what runs them: sdk/sdktest runs them
// under go test, for a plugin in the test's own process, and `scrapekit plugins test` from outside, for an executable in
// any language. An author's test imports sdktest.
//
// [Source], [Transform] and [Sink] run all checks of a kind against a [Subject], which starts instances of the plugin.
// [Checks] lists them, each with the promise of scrapekit's that a plugin breaks which fails it.
package conformance
