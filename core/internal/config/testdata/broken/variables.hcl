variable "needed" {
  type = string
}

variable "count" {
  type    = number
  default = "many"
}

variable "list" {
  type    = lst(string)
  default = []
}

variable "other" {
  defualt = 1
}

variable "count" {}

variable {}

variable "uses" {
  default = var.count
}

locals {
  a = local.b
  b = local.c
  c = local.a
}

source "jira" {
  url      = "https://example.com"
  projects = [var.needed, local.a]
}

sink "jsonl" {
  path = "x"
}
