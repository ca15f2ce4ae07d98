# A plugin of one's own in a pipeline. Build it first, then run this file:
#
#   go build -o examples/source-hello/hello ./examples/source-hello
#   scrapekit run examples/source-hello/hello.hcl

source "./hello" {
  name  = "world"
  times = 5
}

sink "jsonl" {
  path = "out/{stream}.jsonl"
  mode = "overwrite" # the source greets anew in every run
}
