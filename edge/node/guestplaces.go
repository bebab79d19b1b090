package node

import (
	"net/netip"
	"sync/atomic"

	"github.com/wedgecdn/wedge/edge/place"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// guestPlaces are the databases that the configuration in force names.
type guestPlaces struct{ now *atomic.Pointer[place.Places] }

func (g guestPlaces) Place(a netip.Addr) (services.Place, bool) {
	p, known := g.now.Load().Place(a)
	return services.Place{Country: p.Country, Region: p.Region, City: p.City, ASN: p.ASN}, known
}
