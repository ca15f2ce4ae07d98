# How fast a pipeline can be: records that are made up, straight to a file. No network.
#
#   scrapekit run examples/generate.hcl --full
#   scrapekit run examples/generate.hcl --full --var records=10000000

variable "records" {
  description = "How many records to make."
  type        = number
  default     = 1000000
}

variable "size" {
  description = "About how many bytes a record has."
  type        = number
  default     = 400
}

variable "out" {
  description = "Folder for the records, relative to this file."
  type        = string
  default     = "generated"
}

source "generate" {
  records = var.records
  size    = var.size
}

sink "jsonl" {
  path = "${var.out}/{stream}.jsonl"
}
