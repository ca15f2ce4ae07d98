variable "projects" {
  type    = list(string)
  default = ["KAFKA"]
}

locals {
  shout = uper("x")
  again = locals.shout
}

source "jira" {
  url      = var.ulr
  projects = vra.projects
  flavour  = server
  secret   = local.shuot
}

sink "jsonl" {
  path = "${stream}.jsonl"
}
