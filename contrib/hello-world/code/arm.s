    .arm
    adr r4, data
    ldr r5, [r4], #4          @ r4: where it starts; r5: what is left to write
1:  mov r0, #1                @ write(1, r4, r5)
    mov r1, r4
    mov r2, r5
    mov r7, #4
    svc #0
    cmp r0, #0
    ble 3f
    add r4, r4, r0
    subs r5, r5, r0
    bne 1b
    mov r0, #0
2:  mov r7, #248              @ exit_group
    svc #0
3:  mov r0, #1
    b 2b
data:
