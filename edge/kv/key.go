package kv

import (
	"encoding/binary"
	"fmt"
)

// Rows of the file. Names carry their length in front, so that no owner, store and key can be read as another:
//
//	owner row:  len owner                                (usage)
//	store row:  len owner  len store                     (usage)
//	data row:   len owner  len store  key                (data)
//	expiry row: len owner  8 bytes ms  len store  key    (expiry; big-endian, so rows of an owner sort by time)
//
// The key stands last and bare: a prefix of a key is a prefix of the row, and List is a walk. The expiry rows are
// sorted within an owner, so that the quota of one owner can reclaim what that owner left, whatever others left.

const (
	expiryLen = 8
	maxRow    = 1 + MaxName + expiryLen + 1 + MaxName + MaxKey
)

func appendName(dst []byte, name string) []byte {
	return append(append(dst, byte(len(name))), name...)
}

func appendStoreRow(dst []byte, o Owner, n StoreName) []byte {
	return appendName(appendName(dst, string(o)), string(n))
}

// splitDataRow returns where the owner row and the store row of a data row end. A row that no code of this
// package wrote is an error, never a panic: the file may be damaged.
func splitDataRow(row []byte) (ownerEnd, storeEnd int, err error) {
	ownerEnd, err = nameEnd(row, 0)
	if err == nil {
		storeEnd, err = nameEnd(row, ownerEnd)
	}
	if err != nil {
		return 0, 0, err
	}
	return ownerEnd, storeEnd, nil
}

func nameEnd(row []byte, at int) (int, error) {
	if at >= len(row) || row[at] == 0 || row[at] > MaxName || at+1+int(row[at]) > len(row) {
		return 0, fmt.Errorf("kv: the file holds a damaged row (%d bytes, name at %d): restore it from a copy", len(row), at)
	}
	return at + 1 + int(row[at]), nil
}

// appendExpiryRow makes the expiry row of a data row whose owner row ends at ownerEnd.
func appendExpiryRow(dst, dataRow []byte, ownerEnd int, expires int64) []byte {
	dst = append(dst, dataRow[:ownerEnd]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(expires))
	return append(dst, dataRow[ownerEnd:]...)
}

// splitExpiryRow is the inverse of appendExpiryRow; the data row is a copy.
func splitExpiryRow(row []byte) (dataRow []byte, ownerEnd int, expires int64, err error) {
	ownerEnd, err = nameEnd(row, 0)
	if err != nil {
		return nil, 0, 0, err
	}
	if len(row) < ownerEnd+expiryLen {
		return nil, 0, 0, fmt.Errorf("kv: the file holds a damaged expiry row (%d bytes): restore it from a copy", len(row))
	}
	expires = int64(binary.BigEndian.Uint64(row[ownerEnd:]))
	dataRow = make([]byte, 0, len(row)-expiryLen)
	dataRow = append(append(dataRow, row[:ownerEnd]...), row[ownerEnd+expiryLen:]...)
	return dataRow, ownerEnd, expires, nil
}

// afterOwner returns a row behind all expiry rows of an owner: no time begins with the byte 0xff.
func afterOwner(ownerRow []byte) []byte {
	row := make([]byte, 0, len(ownerRow)+1)
	return append(append(row, ownerRow...), 0xff)
}
