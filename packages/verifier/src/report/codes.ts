/**
 * Every way a program can be rejected, with what the rule demands and what would mend a program that breaks it.
 * The list only grows: a code keeps its meaning.
 */
export const CODES = {
  // The program as a whole.
  EMPTY_PROGRAM: ["A program has at least one instruction.", "Emit at least `r0 = 0; exit`."],
  PROGRAM_TOO_LARGE: ["A program has no more slots than the platform allows.", "Split it with tail calls."],
  JUMP_OUT_OF_RANGE: [
    "Jumps stay inside their function.",
    "Let the jump's target be an instruction of the same function.",
  ],
  JUMP_INTO_WIDE: ["Nothing jumps into the second slot of a 64-bit load.", "Jump to the first slot of the load."],
  UNREACHABLE: ["Every instruction can be reached.", "Remove the instruction that nothing jumps to."],
  FALL_THROUGH: ["A function ends with exit or an unconditional jump.", "End the function with `exit`."],
  BAD_INSTRUCTION: [
    "Every instruction has a known encoding with its reserved fields zero.",
    "Check how the instruction was encoded.",
  ],
  BAD_ATTACH_TYPE: [
    "A program's attach type is one that its program type has.",
    "Set the attach type that belongs to the program type, or use the section name for it.",
  ],
  NOT_SLEEPABLE: [
    "Only some program types can be loaded as sleepable.",
    "Load the program without the sleepable flag.",
  ],
  NO_TYPES: [
    "Functions that are called back, make tail calls or legacy packet loads have types.",
    "Compile with debug information (-g), or make the tail call in the entry.",
  ],
  NO_RESULT: [
    "Functions that make tail calls or legacy packet loads return a number.",
    "Declare the function as returning `int`.",
  ],
  BAD_EXCEPTION_CALLBACK: [
    "An exception callback is one global function that takes a number, and that nothing calls.",
    "Name one global function in the tag, and let it take a `u64`; move what others call to another function.",
  ],
  TOO_MANY_SUBPROGRAMS: [
    "A program has no more functions than the platform allows.",
    "Inline functions or use tail calls.",
  ],
  UNKNOWN_MAP: [
    "A map reference names a map of the program.",
    "Declare the map, or mend the handle in the instruction.",
  ],
  BAD_MAP_VALUE_OFFSET: ["The address of a map value lies inside the value.", "Use an offset below the value's size."],
  MAP_NOT_ALLOWED: [
    "Programs of this type may use the map.",
    "Use a map without timers and locks, or another program type.",
  ],
  TOO_MANY_MAPS: ["A program refers to no more maps than the platform allows.", "Merge maps, or split the program."],
  // Registers and numbers.
  UNINITIALIZED_REGISTER: [
    "A register is written before it is read.",
    "Assign the register on every path that leads here; calls clobber r1 to r5.",
  ],
  FRAME_POINTER_WRITE: ["r10 is read-only.", "Copy r10 to another register and change the copy."],
  DIVISION_BY_ZERO: ["The constant of a division isn't zero.", "Divide by another constant."],
  BAD_SHIFT: ["A constant shift distance is below the width.", "Shift by less than the operand's bits."],
  // Pointers.
  POINTER_ARITHMETIC: [
    "Only adding and subtracting numbers is defined on pointers, and only on some kinds.",
    "Compute with numbers, then add the result to the pointer.",
  ],
  POINTER_OUT_OF_BOUNDS: [
    "A pointer's offset stays within ±2^29.",
    "Bound the number before adding it to the pointer.",
  ],
  NOT_A_POINTER: [
    "Memory is accessed through a valid pointer.",
    "Check a nullable pointer against NULL first; re-derive a pointer that a call invalidated.",
  ],
  NULLABLE_POINTER: [
    "A pointer that may be NULL is checked before use.",
    "Compare the pointer with NULL and use it only where it is not.",
  ],
  // Memory.
  OUT_OF_BOUNDS: [
    "An access lies inside its object on every path.",
    "Compare the offset with the object's size before the access.",
  ],
  NEGATIVE_OFFSET: ["An offset into an object is not negative.", "Use an unsigned index, or check it against 0."],
  UNBOUNDED_OFFSET: [
    "An offset has an upper bound.",
    "Compare the index with the size, or mask it, before the access.",
  ],
  PACKET_OUT_OF_BOUNDS: [
    "Packet bytes are read only behind a comparison with data_end.",
    "Compare `data + n` with `data_end` and read fewer than n bytes.",
  ],
  PACKET_WRITE: ["Only some program types write packets directly.", "Use a helper such as bpf_skb_store_bytes."],
  STACK_OUT_OF_BOUNDS: ["Stack accesses lie in the 512 bytes below r10.", "Use a smaller buffer, or mend the offset."],
  STACK_TOO_DEEP: [
    "The stacks of a call chain fit in 512 bytes.",
    "Make buffers smaller, or move them to a per-CPU map.",
  ],
  MISALIGNED: ["The access is aligned to its size.", "Align the offset to the size of the access."],
  BAD_SPILL: ["Pointers are stored to and loaded from the stack whole.", "Use an 8-byte store and load for pointers."],
  STACK_POINTER_ESCAPE: [
    "A pointer to a function's stack does not outlive the function.",
    "Pass a buffer of the caller instead.",
  ],
  CONTEXT_ACCESS: [
    "Only the fields of the context that the program type allows are accessed, whole.",
    "Access the field with its own size, or use a helper.",
  ],
  READ_ONLY: ["Read-only memory is not written.", "Write to a map or the stack instead."],
  WRITE_ONLY: ["Write-only memory is not read.", "Create the map without the write-only flag."],
  SPECIAL_FIELD: [
    "Locks, timers and kernel pointers in map values are used only through their helpers.",
    "Access the other members only.",
  ],
  ARENA: [
    "Casts between address spaces are for programs with an arena.",
    "Refer to the arena's map, or drop the cast.",
  ],
  MIXED_POINTERS: [
    "An instruction that accesses a context, a socket or an arena accesses nothing else on another path.",
    "Load through each kind of pointer in an instruction of its own.",
  ],
  ATOMIC_TARGET: ["Atomic operations work on stack, map values and memory.", "Copy the value, or use a map."],
  // Calls.
  UNKNOWN_HELPER: ["A call names a helper that exists.", "Mend the helper's number."],
  HELPER_NOT_ALLOWED: ["Programs of this type may call the helper.", "Use another helper or program type."],
  GPL_ONLY: ["Some helpers are for programs under a GPL-compatible license.", "Declare the license as GPL, if it is."],
  BAD_ARGUMENT: ["Arguments have the types that the helper takes.", "Pass what the helper's prototype says."],
  BAD_SIZE: [
    "A size argument is bounded and fits the memory.",
    "Bound the size; for constants pass the buffer's size.",
  ],
  WRONG_MAP_TYPE: ["The helper works on this type of map.", "Use a map of a type that the helper takes."],
  NOT_ACQUIRED: [
    "What is given back was acquired, and is given back once.",
    "Pass the pointer as the acquiring helper returned it.",
  ],
  REFERENCE_LEAK: [
    "What was acquired is given back on every path.",
    "Release the object before exit, also on error paths.",
  ],
  BAD_DYNPTR: [
    "A dynptr lies in two aligned slots of the stack, is made before it is used, and is only used through helpers.",
    "Make it with its helper, pass its address, and submit or discard a record before the slots are used again.",
  ],
  BAD_MAP_FIELD: [
    "A lock or timer is a field of a map's value, at its place, in a map with types.",
    "Pass the address of the field that the value's type declares.",
  ],
  BAD_LOCK: ["One lock is held at a time, and the same is given back.", "Unlock what was locked, before another lock."],
  LOCK_HELD: [
    "While a lock is held, nothing is called and the program doesn't end.",
    "Do the work before the lock or after the unlock.",
  ],
  BAD_SIGNATURE: [
    "Global functions return a number, and take numbers, the context, dynptrs, and memory of a known size.",
    "Give the function another signature, or make it static.",
  ],
  GLOBAL_CALLBACK: ["Functions that are called back are static.", "Declare the callback `static`."],
  LOST_FUNCTION: [
    "A function whose address is taken is run, or stands before one that is.",
    "Pass the address to a helper that calls it, or remove the function.",
  ],
  CALL_DEPTH: ["Calls nest at most eight deep.", "Inline a function."],
  RECURSION: ["Functions don't call themselves.", "Use a bounded loop."],
  SLEEPABLE: [
    "Helpers that may sleep are for sleepable programs.",
    "Load the program as sleepable, or use another helper.",
  ],
  BAD_EXIT_VALUE: [
    "r0 at exit is a number in the range that the program type demands.",
    "Return one of the values that the program type defines.",
  ],
  REGISTER_CALL: ["Calls through a register don't exist in the kernel.", "Call the function by name."],
  // Exploration.
  TOO_MANY_INSTRUCTIONS: [
    "All paths together stay within the instruction limit.",
    "Give loops a smaller constant bound, or use bpf_loop.",
  ],
  TOO_MANY_BRANCHES: [
    "Pending branches stay within the limit.",
    "Reduce nested conditions, or move them to functions.",
  ],
  TOO_MANY_STATES: [
    "The states that are kept stay within the caller's limit.",
    "Raise the limit, or split what branches so often.",
  ],
  INFINITE_LOOP: ["Every loop makes progress.", "Count the loop's rounds in a register that the condition tests."],
  ABORTED: ["The caller lets verification go on.", "Raise the caller's limit."],
  // What is not modelled yet.
  UNSUPPORTED_PROGRAM_TYPE: ["The platform describes the program type.", "Use a platform that has it."],
  UNSUPPORTED_HELPER: ["The helper's arguments are modelled.", "Use another helper; this one is not modelled yet."],
  UNSUPPORTED_KFUNC: ["Kernel functions are not modelled yet.", "Use helpers."],
  UNSUPPORTED_CALLBACK: [
    "Legacy packet loads in callbacks, and callbacks that the platform doesn't describe, are not modelled.",
    "Load the packet before, or use a bounded loop.",
  ],
  UNSUPPORTED_KERNEL_SYMBOL: ["Kernel variables are not modelled yet.", "Use a map."],
  UNSUPPORTED_MAP: ["The kind of map is modelled.", "Use an array or hash map."],
  UNSUPPORTED_GLOBAL_FUNCTION: [
    "Global functions with these parameters are not modelled yet.",
    "Make the function static.",
  ],
  UNSUPPORTED_INDIRECT_JUMP: [
    "Jumps through a register are not modelled yet.",
    "Use a compare tree (clang: -fno-jump-tables).",
  ],
  UNSUPPORTED_ACCESS: ["This kind of access is not modelled yet.", "Use another way to reach the data."],
} as const satisfies Readonly<Record<string, readonly [rule: string, hint: string]>>;

/** The stable code of a rejection. */
export type RejectionCode = keyof typeof CODES;
