package policy

import "testing"

func TestModeString(t *testing.T) {
	f := func(m Mode, want string) {
		t.Helper()
		if got := m.String(); got != want {
			t.Errorf("%d: got %q, want %q", m, got, want)
		}
	}
	f(Honour, "honour")
	f(Pass, "pass")
	f(Force, "force")
}
