package admin

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// openAPI makes the OpenAPI page of a table of operations.
func openAPI(table []operation) any {
	types := schemas{}
	paths := object{}
	for i := range table {
		o := &table[i]
		item, _ := paths[o.path].(object)
		if item == nil {
			item = object{}
			paths[o.path] = item
		}
		item[strings.ToLower(o.method)] = o.describe(types)
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title":       "Wedge: operators' API",
			"version":     "1",
			"description": "Answers only gain fields. Requests are read strictly: an unknown parameter or field is an error.",
		},
		"paths": paths,
		"components": object{
			"schemas": types,
			"securitySchemes": object{"token": object{
				"type": "http", "scheme": "bearer",
				"description": "The scope that an operation needs is named with it; the operator's token has them all.",
			}},
		},
	}
}

func (o *operation) describe(types schemas) object {
	parameters := []object{}
	for _, name := range o.pathParameters() {
		parameters = append(parameters, (&parameter{name: name, kind: kindName, required: true}).describe("path"))
	}
	query := o.query
	if o.owned {
		query = append(query[:len(query):len(query)], ownerParameter)
	}
	for _, p := range query {
		parameters = append(parameters, p.describe("query"))
	}
	for _, p := range o.header {
		parameters = append(parameters, p.describe("header"))
	}
	ok := object{"description": "It is done.", "content": o.out.describe(types, false)}
	if len(o.headers) > 0 {
		headers := object{}
		for _, p := range o.headers {
			headers[p.name] = object{"description": p.doc, "schema": object{"type": "string"}}
		}
		ok["headers"] = headers
	}
	failure := content{of: Failure{}, media: mediaJSON}
	responses := object{"200": ok, "default": object{"description": "Any other failure.", "content": failure.describe(types, false)}}
	for _, c := range o.failures() {
		status := strconv.Itoa(c.Status())
		of := failure
		if c == Unavailable && o.busy != nil {
			of.of = o.busy
		}
		responses[status] = object{"description": http.StatusText(c.Status()), "content": of.describe(types, false)}
	}
	d := object{"operationId": o.id, "summary": o.summary, "parameters": parameters, "responses": responses, "security": []object{}}
	if o.scope != scopeOpen {
		d["security"] = []object{{"token": []string{string(o.scope)}}}
	}
	if !o.in.none() {
		d["requestBody"] = object{"required": true, "content": o.in.describe(types, true)}
	}
	return d
}

// failures lists every code that an operation may answer.
func (o *operation) failures() []Code {
	all := append([]Code{BadRequest, Forbidden, Internal}, o.fails...)
	if o.scope != scopeOpen {
		all = append(all, Unauthorized, TooMany)
	}
	if o.write || o.busy != nil {
		all = append(all, Unavailable)
	}
	if !o.in.none() {
		all = append(all, TooLarge)
	}
	if o.in.of != nil {
		all = append(all, WrongType)
	}
	return all
}

func (c content) describe(types schemas, taken bool) object {
	switch {
	case c.of != nil:
		return object{c.media: object{"schema": types.of(reflect.TypeOf(c.of), taken)}}
	case c.media == mediaJSON:
		return object{c.media: object{"schema": object{"type": "object", "description": c.doc}}}
	}
	return object{c.media: object{"schema": object{"description": c.doc}}}
}

func (p *parameter) describe(in string) object {
	schema := object{"type": "string"}
	switch p.kind {
	case kindName:
		schema["pattern"] = "^[a-z0-9][a-z0-9._-]{0,62}$"
	case kindCount:
		schema = object{"type": "integer", "minimum": 0}
	case kindLimit:
		schema = object{"type": "integer", "minimum": 1}
	case kindBool:
		schema = object{"type": "boolean"}
	}
	if p.preset != "" {
		switch n, err := strconv.Atoi(p.preset); {
		case p.kind == kindBool:
			schema["default"] = p.preset == "true"
		case err == nil:
			schema["default"] = n
		default:
			schema["default"] = p.preset
		}
	}
	d := object{"name": p.name, "in": in, "schema": schema}
	if p.required {
		d["required"] = true
	}
	if p.doc != "" {
		d["description"] = p.doc
	}
	return d
}
