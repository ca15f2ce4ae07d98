package sdk_test

import (
	"reflect"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

func TestJSONLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op      sdk.Op
		payload string
		want    string
		rejects sdk.Rejects
	}{
		{sdk.Upsert, "", "", nil},
		{sdk.Upsert, "{\"a\":1.50}\n2\n", "{\"a\":1.50}\n2\n", nil},
		{sdk.Upsert, "1\n2", "1\n2\n", nil},
		{sdk.Upsert, "1\nä\xff\n3\n", "1\n3\n",
			sdk.Rejects{{Stream: "s", Record: []byte("ä\xff"), Reason: "invalid UTF-8: at byte 2"}}},
		{sdk.Delete, "{\"id\":1}\n { } \n { \"a\":1 , \"b\":2 }\n[1]\n",
			"{\"_op\":\"delete\",\"id\":1}\n{\"_op\":\"delete\",\"a\":1 , \"b\":2 }\n",
			sdk.Rejects{
				{Stream: "s", Record: []byte(" { } "), Reason: "invalid key: it has no field"},
				{Stream: "s", Record: []byte("[1]"), Reason: "invalid key: it is not a JSON object"},
			}},
		{sdk.Upsert, "{\"_op\":\"delete\",\"id\":1}\n{\"id\":2}\n", "{\"id\":2}\n",
			reserved(`{"_op":"delete","id":1}`)},
		{sdk.Upsert, `{"id":1,"_op":null}` + "\n", "", reserved(`{"id":1,"_op":null}`)},
		{sdk.Upsert, `{ "\u005fop" : 1}` + "\n", "", reserved(`{ "\u005fop" : 1}`)},
		{sdk.Upsert, `{"_\u006Fp":1}` + "\n", "", reserved(`{"_\u006Fp":1}`)},
		{sdk.Upsert, `{"_o\u0070":1}` + "\n", "", reserved(`{"_o\u0070":1}`)},
		{sdk.Upsert, `{"a":{"_op":1},"b":["_op"],"c":"_op","d":"\u005f"}` + "\n",
			`{"a":{"_op":1},"b":["_op"],"c":"_op","d":"\u005f"}` + "\n", nil},
		{sdk.Upsert, `["_op"]` + "\n", `["_op"]` + "\n", nil},
		{sdk.Upsert, `{"_op":"delete"` + "\n", "",
			sdk.Rejects{{Stream: "s", Record: []byte(`{"_op":"delete"`), Reason: "invalid JSON"}}},
		{sdk.Delete, `{"id":1,"_op":"upsert"}` + "\n", "", reserved(`{"id":1,"_op":"upsert"}`)},
	} {
		got, rejects := sdk.Batch{Stream: "s", Op: c.op, Payload: []byte(c.payload)}.JSONLines()
		if string(got) != c.want || !reflect.DeepEqual(rejects, c.rejects) {
			t.Errorf("%s of %q: %q and %+v, want %q and %+v", c.op, c.payload, got, rejects, c.want, c.rejects)
		}
	}
}

func reserved(record string) sdk.Rejects {
	return sdk.Rejects{{Stream: "s", Record: []byte(record),
		Reason: `reserved field "_op": the line would be read as a deletion or the like: rename the field`}}
}
