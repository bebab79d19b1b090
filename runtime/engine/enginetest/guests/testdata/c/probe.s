# A global and a table as places to keep something in: C has neither.
	.text
	.globaltype	kept, i64
	.tabletype	__indirect_function_table, funcref

	.globl	kept
kept:

	.globl	set_kept
	.type	set_kept,@function
set_kept:
	.functype	set_kept (i64) -> ()
	local.get	0
	global.set	kept
	end_function

	.globl	kept_value
	.type	kept_value,@function
kept_value:
	.functype	kept_value () -> (i64)
	global.get	kept
	end_function

	.globl	copy_entry
	.type	copy_entry,@function
copy_entry:
	.functype	copy_entry (i32, i32) -> ()
	local.get	0
	local.get	1
	table.get	__indirect_function_table
	table.set	__indirect_function_table
	end_function
