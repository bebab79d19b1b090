package admin

import (
	"context"
	"io"
	"testing"
	"time"
)

// patientRecords notes for how long it may record.
type patientRecords struct{ until time.Time }

func (p *patientRecords) Record(ctx context.Context, _ string, _ RecordRequest, _ io.Writer) (int, error) {
	p.until, _ = ctx.Deadline()
	return 0, ctx.Err()
}

// A recording may take as long as it is told to take: an hour, and not the time of other writes.
func TestRecordTakesItsTime(t *testing.T) {
	p := &patientRecords{}
	st := start(t, func(o *Options) { o.Records = p })
	if w := st.do(request(operatorSecret, "POST", "/v1/record", `{"for":"1h"}`, "Content-Type: application/json")); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if !p.until.IsZero() {
		t.Errorf("it ends after %s", time.Until(p.until).Round(time.Second))
	}
}
