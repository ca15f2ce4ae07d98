// Package conformance has the checks of the conformance suite. sdk/sdktest runs them under go test,
// for a plugin in the test's process. `scrapekit plugins test` runs them from outside, for an
// executable in any language. A plugin's test imports sdktest.
//
// [Source], [Transform] and [Sink] run all checks of a kind against a [Subject], which starts
// instances of the plugin. [Checks] lists them, each with the promise that a failure breaks.
package conformance
