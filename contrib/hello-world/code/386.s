    call 1f
1:  pop %ecx
    add $(data - 1b), %ecx
    mov (%ecx), %edx          # what is left to write
    add $4, %ecx              # where it starts
1:  mov $4, %eax              # write(1, ecx, edx)
    mov $1, %ebx
    int $0x80
    test %eax, %eax
    jle 3f
    add %eax, %ecx
    sub %eax, %edx
    jnz 1b
    xor %ebx, %ebx
2:  mov $252, %eax            # exit_group
    int $0x80
3:  mov $1, %ebx
    jmp 2b
    .balign 4, 0x90
data:
