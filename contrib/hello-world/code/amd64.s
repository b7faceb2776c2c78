    lea data(%rip), %rsi
    mov (%rsi), %ebx          # what is left to write
    add $4, %rsi              # where it starts
1:  mov $1, %eax              # write(1, rsi, rbx)
    mov $1, %edi
    mov %ebx, %edx
    syscall
    test %rax, %rax
    jle 3f
    add %rax, %rsi
    sub %eax, %ebx
    jnz 1b
    xor %edi, %edi
2:  mov $231, %eax            # exit_group
    syscall
3:  mov $1, %edi
    jmp 2b
    .balign 4, 0x90
data:
