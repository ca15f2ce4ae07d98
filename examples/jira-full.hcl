# All of a Jira, as it is: issues and what belongs to them, and the lists of the site, from fields and projects to boards,
# workflows and the audit log. plugins/sources/jira/STREAMS.md says what each stream is, and what it costs in requests.
#
#   scrapekit plan examples/jira-full.hcl --var url=https://jira.example.com
#   scrapekit run  examples/jira-full.hcl --var url=https://jira.example.com
#
# What this account may not read is left out with a warning. A later run reads what has changed since; of the lists it
# writes only what is new, different, or gone.

variable "url" {
  description = "The Jira to read, Data Center or Cloud."
  type        = string
  default     = "https://issues.apache.org/jira"
}

variable "projects" {
  description = "Keys of the projects to read; none: all."
  type        = list(string)
  default     = []
}

variable "streams" {
  description = "The streams to read. A site with hundreds of boards or screens is better read without the lists of each."
  type        = list(string)
  default     = ["*"]
}

variable "out" {
  description = "Folder for the records, relative to this file."
  type        = string
  default     = "jira-full"
}

variable "rate" {
  description = "Requests a second at most; what the server says by 429 and Retry-After holds as well."
  type        = number
  default     = 10
}

source "jira" {
  url      = var.url
  projects = var.projects

  select {
    streams = var.streams
  }

  http {
    rate        = var.rate
    concurrency = 4

    # Most lists of the site need a login, and those of administrators one that is allowed to read them:
    #
    # auth "bearer" {
    #   token = env("JIRA_TOKEN")
    # }
  }
}

# One file a stream. A record that is gone is a line as well: {"_op":"delete","id":"10042"}.
sink "jsonl" {
  path = "${var.out}/{stream}.jsonl"
}
