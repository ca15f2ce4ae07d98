# From a public Jira to training records for language models.
#
#   scrapekit run examples/jira.hcl
#   scrapekit run examples/jira.hcl --var url=https://jira.example.com --var 'projects=["KEY"]'
#
# Stop it whenever you like: the next run goes on where this one was. A run after a finished one reads
# what has changed since.

variable "url" {
  description = "The Jira to read, Data Center or Cloud."
  type        = string
  default     = "https://issues.apache.org/jira"
}

variable "projects" {
  description = "Keys of the projects to read."
  type        = list(string)
  default     = ["KAFKA", "SPARK", "CASSANDRA"]
}

variable "out" {
  description = "Folder for the records, relative to this file."
  type        = string
  default     = "corpus"
}

# Where the records come from. An issue holds its whole thread.
source "jira" {
  url      = var.url
  projects = var.projects
  content  = "normalised" # the form that the transform reads

  select {
    streams = ["issues"]
  }

  # The host makes all requests, and only to the server named above.
  http {
    rate        = 10 # requests a second; what the server says by 429 and Retry-After holds as well
    concurrency = 4  # requests at once

    # Without a credential only what is public is read. With one:
    #
    # auth "bearer" {               # a personal access token (Data Center)
    #   token = env("JIRA_TOKEN")
    # }
    #
    # auth "basic" {                # an API token (Cloud)
    #   user     = "you@example.com"
    #   password = env("JIRA_TOKEN")
    # }
  }
}

# What becomes of them: clean text, people under pseudonyms, tasks that the issue itself answers.
transform "llm" {
  format = "messages" # or "instruct"
  tasks  = ["summarization", "classification", "question_answering"]
}

# Where they go: one file a stream.
sink "jsonl" {
  path = "${var.out}/{stream}.jsonl"
}
