source "jira" {
	url = "ftp://example.com"
	projects = ["日本", 5, "[31m"]
}
sink "jsonl" { path = "x" }
