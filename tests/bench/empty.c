/* SPDX-License-Identifier: Apache-2.0 */
/* empty - does nothing: what the kernel and the loader need to start any program */
int main(void)
{
	return 0;
}
