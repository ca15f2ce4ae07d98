# A paged JSON API becomes files. Played from the recording in testdata, for there is no such forum:
#
#   go build -o examples/source-forum/bin/ ./examples/source-forum
#   scrapekit run examples/source-forum/example.hcl --replay examples/source-forum/testdata/forum.jsonl

source "./bin/source-forum" {
  url       = "https://forum.example.com/api"
  page_size = 3
}

sink "jsonl" {
  path = "out/{stream}.jsonl"
}
