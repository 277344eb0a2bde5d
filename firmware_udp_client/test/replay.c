/* libFuzzer's place where there is none: runs the target once for each file named. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(const char *name)
{
    static uint8_t room[1 << 16];
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        perror(name);
        return 1;
    }
    size_t size = fread(room, 1, sizeof room, file);
    fclose(file);
    uint8_t *exactly = malloc(size + (size == 0));
    if (exactly == NULL) {
        return 1;
    }
    for (size_t at = 0; at < size; at++) {
        exactly[at] = room[at];
    }
    LLVMFuzzerTestOneInput(exactly, size);
    free(exactly);
    return 0;
}

int main(int count, char **names)
{
    int failed = count < 2;
    for (int at = 1; at < count; at++) {
        failed |= run(names[at]);
    }
    printf("%d inputs\n", count - 1);
    return failed;
}
