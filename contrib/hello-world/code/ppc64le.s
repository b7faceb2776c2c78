    bl 1f
1:  mflr 30
    addi 30, 30, data - 1b
    lwz 31, 0(30)             # what is left to write
    addi 30, 30, 4            # where it starts
1:  li 0, 4                   # write(1, r30, r31)
    li 3, 1
    mr 4, 30
    mr 5, 31
    sc
    bso 3f                    # summary overflow: the kernel says no
    cmpdi 3, 0
    ble 3f
    add 30, 30, 3
    subf. 31, 3, 31
    bne 1b
    li 3, 0
2:  li 0, 234                 # exit_group
    sc
3:  li 3, 1
    b 2b
data:
