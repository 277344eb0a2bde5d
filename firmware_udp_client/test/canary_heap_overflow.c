/* Wrong on purpose: reads one byte beyond what it allocated. AddressSanitizer must end it. */
#include <stdlib.h>

int main(int count, char **arguments)
{
    (void)arguments;
    size_t size = (size_t)count;
    volatile char *memory = calloc(size, 1);
    return memory == NULL ? 1 : memory[size];
}
