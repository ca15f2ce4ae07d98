# A paged JSON API becomes files. Played from the recording in testdata, for there is no such forum:
#
#   npm ci && npm run build
#   scrapekit run example.hcl --replay testdata/replies.jsonl

source "./bin/forum" {
  url       = "https://forum.example.com/api"
  page_size = 3
}

sink "jsonl" {
  path = "out/{stream}.jsonl"
}
