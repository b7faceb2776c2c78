    adr x9, data
    ldr w10, [x9], #4         // x9: where it starts; x10: what is left to write
1:  mov x0, #1                // write(1, x9, x10)
    mov x1, x9
    mov x2, x10
    mov x8, #64
    svc #0
    cmp x0, #0
    b.le 3f
    add x9, x9, x0
    subs x10, x10, x0
    b.ne 1b
    mov x0, #0
2:  mov x8, #94               // exit_group
    svc #0
3:  mov x0, #1
    b 2b
data:
