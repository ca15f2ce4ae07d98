// Package rest is how the Jira source talks to a Jira: requests that read, replies that are judged
// all alike, and the steps over their JSON. It knows no stream and no record.
package rest
