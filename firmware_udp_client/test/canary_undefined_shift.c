/* Wrong on purpose: shifts by as many bits as there are. UndefinedBehaviorSanitizer must end it. */
#include <limits.h>

int main(int count, char **arguments)
{
    (void)arguments;
    volatile unsigned bits = (unsigned)count * (unsigned)sizeof(unsigned) * CHAR_BIT;
    return (int)(1U << bits) == 2;
}
